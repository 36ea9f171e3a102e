//! The recording on disk: JSON lines, so that people can read it and a change shows in a diff.
//!
//! The first line says which network was recorded. Then come the blocks with their logs, those that a reorg took away
//! included, the answers that the contracts gave at them, and the scenes that tell the story. Blocks are named by their
//! place among the lines (from 0), and an answer that stood for many blocks is written once. Raw answers only: nothing
//! here was decoded, so the production path decodes it as it decodes a real endpoint's.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{
    chain::{Call, CallAnswer, Header, Log},
    units::{Address, B256, BlockNumber, BlockRef, Bytes, UnixSeconds},
};

/// The form that is written and read here.
const FORM: u32 = 1;

/// How to make the recording again; part of every error that a stale one causes.
pub const HOW_TO_RECORD: &str = "record it again: cargo run --example record (docs/DEMO.md)";

/// Bytes of a header's bloom; left out of the file where all are zero.
const BLOOM_BYTES: usize = 256;

/// Which network was recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Title {
    /// Version of this form.
    form: u32,
    /// The L1's chain id.
    pub chain_id: u64,
    /// Aztec's Registry.
    pub registry: Address,
    /// The `StakingRegistry`.
    pub staking_registry: Address,
    /// Where history begins.
    pub first_block: BlockNumber,
    /// The provider's id.
    pub provider: u64,
}

impl Title {
    /// A title of the present form.
    #[must_use]
    pub const fn new(
        chain_id: u64,
        registry: Address,
        staking_registry: Address,
        first_block: BlockNumber,
        provider: u64,
    ) -> Self {
        Self {
            form: FORM,
            chain_id,
            registry,
            staking_registry,
            first_block,
            provider,
        }
    }
}

/// A step of the story: what the chain looks like now, and what a person is told about it.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scene {
    /// One word for it.
    pub name: String,
    /// What just happened, in one line.
    pub says: String,
    /// The newest block; its ancestors are the canonical chain.
    pub head: B256,
    /// The newest finalised block.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finalized: Option<B256>,
    /// Whether the first endpoint answers nothing in this scene.
    #[serde(default, skip_serializing_if = "is_false")]
    pub is_silent: bool,
    /// The keys files from now on, by name; `None` leaves them as they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys_files: Option<BTreeMap<String, String>>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands out references"
)]
const fn is_false(value: &bool) -> bool {
    !*value
}

/// A block with all its logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedBlock {
    /// Its header.
    pub header: Header,
    /// Every log, of whatever contract.
    pub logs: Vec<Log>,
}

/// A recorded history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recording {
    /// Which network.
    pub title: Title,
    /// Every block, by hash.
    pub blocks: HashMap<B256, RecordedBlock>,
    /// What the contracts answered, by block.
    pub answers: HashMap<(B256, Call), CallAnswer>,
    /// What storage held, by block, contract and slot.
    pub slots: HashMap<(B256, Address, B256), B256>,
    /// The story.
    pub scenes: Vec<Scene>,
}

/// Why a recording cannot be read.
#[derive(Debug, Error)]
pub enum RecordingError {
    /// A line is not of the form.
    #[error("line {line} of the recording cannot be read; {HOW_TO_RECORD}")]
    Line {
        /// Which, from 1.
        line: usize,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// It does not begin with a title of the present form.
    #[error("the recording has no title of form {FORM}; {HOW_TO_RECORD}")]
    Title,
    /// A line names a block that there is none of.
    #[error("line {line} of the recording names a block that is not in it; {HOW_TO_RECORD}")]
    Block {
        /// Which, from 1.
        line: usize,
    },
    /// There is nothing to play.
    #[error("the recording has no scenes; {HOW_TO_RECORD}")]
    Empty,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Title(Title),
    Block(BlockLine),
    View(ViewLine),
    Slot(SlotLine),
    Scene(Scene),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct BlockLine {
    number: BlockNumber,
    hash: B256,
    parent: B256,
    at: UnixSeconds,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bloom: Option<Bytes>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    logs: Vec<LogLine>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct LogLine {
    transaction: B256,
    index: u64,
    address: Address,
    topics: Vec<B256>,
    data: Bytes,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ViewLine {
    to: Address,
    data: Bytes,
    said: Vec<Said>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SlotLine {
    address: Address,
    slot: B256,
    held: Vec<Held>,
}

/// One answer, and the places of the blocks at which it was given.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Said {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    returned: Option<Bytes>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reverted: Option<Bytes>,
    at: Vec<usize>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Held {
    value: B256,
    at: Vec<usize>,
}

/// The answers to one view: whether it returned, what it said, and the places of the blocks.
type Answers = BTreeMap<(bool, Bytes), Vec<usize>>;

impl Recording {
    /// The recording that ships with steward.
    ///
    /// # Errors
    /// [`RecordingError`] where the file in the repository is damaged.
    pub fn shipped() -> Result<Self, RecordingError> {
        Self::read(include_str!("recording.jsonl"))
    }

    /// Reads JSON lines.
    ///
    /// # Errors
    /// [`RecordingError`] with the line that cannot be read.
    pub fn read(text: &str) -> Result<Self, RecordingError> {
        let mut lines = (1..).zip(text.lines());
        let first = lines.next().map(|(line, text)| line_of(line, text));
        let Some(Line::Title(title)) = first.transpose()? else {
            return Err(RecordingError::Title);
        };
        if title.form != FORM {
            return Err(RecordingError::Title);
        }
        let mut recording = Self {
            title,
            blocks: HashMap::new(),
            answers: HashMap::new(),
            slots: HashMap::new(),
            scenes: Vec::new(),
        };
        let mut places = Vec::new();
        for (line, text) in lines {
            recording.take(line, line_of(line, text)?, &mut places)?;
        }
        if recording.scenes.is_empty() {
            return Err(RecordingError::Empty);
        }
        Ok(recording)
    }

    fn take(
        &mut self,
        number: usize,
        line: Line,
        places: &mut Vec<B256>,
    ) -> Result<(), RecordingError> {
        let unknown = RecordingError::Block { line: number };
        match line {
            Line::Title(_) => return Err(RecordingError::Title),
            Line::Block(line) => {
                let block = line.block();
                places.push(block.header.block.hash);
                self.blocks.insert(block.header.block.hash, block);
            }
            Line::View(line) => {
                let call = Call {
                    to: line.to,
                    data: line.data,
                };
                for said in line.said {
                    let answer = match (said.returned, said.reverted) {
                        (Some(bytes), _) => CallAnswer::Returned(bytes),
                        (None, bytes) => CallAnswer::Reverted(bytes.unwrap_or_default()),
                    };
                    let Some(blocks) = at(places, &said.at) else {
                        return Err(unknown);
                    };
                    self.answers
                        .extend(blocks.map(|block| ((block, call.clone()), answer.clone())));
                }
            }
            Line::Slot(line) => {
                for held in line.held {
                    let Some(blocks) = at(places, &held.at) else {
                        return Err(unknown);
                    };
                    self.slots
                        .extend(blocks.map(|block| ((block, line.address, line.slot), held.value)));
                }
            }
            Line::Scene(scene) => {
                if !self.blocks.contains_key(&scene.head) {
                    return Err(unknown);
                }
                self.scenes.push(scene);
            }
        }
        Ok(())
    }

    /// Writes JSON lines; equal recordings give equal bytes.
    ///
    /// # Errors
    /// When a part cannot be written as JSON.
    pub fn write(&self) -> Result<String, serde_json::Error> {
        let mut blocks: Vec<&RecordedBlock> = self.blocks.values().collect();
        blocks.sort_by_key(|block| (block.header.block.number, block.header.block.hash));
        let places: HashMap<B256, usize> = blocks
            .iter()
            .enumerate()
            .map(|(place, block)| (block.header.block.hash, place))
            .collect();
        let mut lines = vec![Line::Title(self.title.clone())];
        lines.extend(blocks.into_iter().map(|block| Line::Block(block.into())));
        lines.extend(self.views(&places));
        lines.extend(self.held(&places));
        lines.extend(self.scenes.iter().cloned().map(Line::Scene));
        let mut text = String::new();
        for line in &lines {
            text.push_str(&serde_json::to_string(line)?);
            text.push('\n');
        }
        Ok(text)
    }

    fn views(&self, places: &HashMap<B256, usize>) -> Vec<Line> {
        let mut views: BTreeMap<(Address, Bytes), Answers> = BTreeMap::new();
        for ((block, call), answer) in &self.answers {
            let answer = match answer {
                CallAnswer::Returned(bytes) => (true, bytes.clone()),
                CallAnswer::Reverted(bytes) => (false, bytes.clone()),
            };
            let said = views.entry((call.to, call.data.clone())).or_default();
            said.entry(answer).or_default().extend(places.get(block));
        }
        let said = |((is_returned, bytes), mut at): ((bool, Bytes), Vec<usize>)| {
            at.sort_unstable();
            Said {
                returned: is_returned.then(|| bytes.clone()),
                reverted: (!is_returned).then_some(bytes),
                at,
            }
        };
        let view = |((to, data), answers): ((Address, Bytes), Answers)| {
            let said = answers.into_iter().map(said).collect();
            Line::View(ViewLine { to, data, said })
        };
        views.into_iter().map(view).collect()
    }

    fn held(&self, places: &HashMap<B256, usize>) -> Vec<Line> {
        let mut slots: BTreeMap<(Address, B256), BTreeMap<B256, Vec<usize>>> = BTreeMap::new();
        for ((block, address, slot), value) in &self.slots {
            let held = slots.entry((*address, *slot)).or_default();
            held.entry(*value).or_default().extend(places.get(block));
        }
        let held = |(value, mut at): (B256, Vec<usize>)| {
            at.sort_unstable();
            Held { value, at }
        };
        let slot = |((address, slot), values): ((Address, B256), BTreeMap<_, _>)| {
            let held = values.into_iter().map(held).collect();
            Line::Slot(SlotLine {
                address,
                slot,
                held,
            })
        };
        slots.into_iter().map(slot).collect()
    }
}

fn line_of(line: usize, text: &str) -> Result<Line, RecordingError> {
    serde_json::from_str(text).map_err(|source| RecordingError::Line { line, source })
}

/// The blocks at these places; `None` where one is not there.
fn at<'a>(places: &'a [B256], wanted: &'a [usize]) -> Option<impl Iterator<Item = B256> + 'a> {
    let is_known = wanted.iter().all(|place| *place < places.len());
    is_known.then(|| {
        wanted
            .iter()
            .filter_map(|place| places.get(*place))
            .copied()
    })
}

impl BlockLine {
    fn block(self) -> RecordedBlock {
        let block = BlockRef {
            number: self.number,
            hash: self.hash,
        };
        let log = |line: LogLine| Log {
            block,
            transaction: line.transaction,
            index: line.index,
            address: line.address,
            topics: line.topics,
            data: line.data,
        };
        RecordedBlock {
            header: Header {
                block,
                parent_hash: self.parent,
                timestamp: self.at,
                logs_bloom: self
                    .bloom
                    .unwrap_or_else(|| Bytes::from(vec![0; BLOOM_BYTES])),
            },
            logs: self.logs.into_iter().map(log).collect(),
        }
    }
}

impl From<&RecordedBlock> for BlockLine {
    fn from(block: &RecordedBlock) -> Self {
        let (header, is_set) = (&block.header, |byte: &u8| *byte != 0);
        let bloom = &header.logs_bloom;
        let log = |log: &Log| LogLine {
            transaction: log.transaction,
            index: log.index,
            address: log.address,
            topics: log.topics.clone(),
            data: log.data.clone(),
        };
        Self {
            number: header.block.number,
            hash: header.block.hash,
            parent: header.parent_hash,
            at: header.timestamp,
            bloom: bloom.iter().any(is_set).then(|| bloom.clone()),
            logs: block.logs.iter().map(log).collect(),
        }
    }
}
