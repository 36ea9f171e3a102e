//! What is remembered of subjects, and for how long.

use super::*;
use crate::alert::condition::{SUBJECT_KEPT_SECONDS, SUBJECTS_MAX};

fn failed(job: u64) -> Finding {
    let facts = Facts::Job(JobFacts {
        job: job.to_string(),
        kind: "deliver".to_owned(),
        attempts: 1,
        detail: "50035".to_owned(),
        is_unclear: false,
    });
    let subject = format!("job-{job}");
    finding(Class::JobExhausted, &subject, Severity::Warning, facts)
}

impl World {
    /// Everything is resolved, and so many later incidents that those of before are forgotten.
    fn forget_incidents(&mut self) {
        self.find(&[]);
        let ids: Vec<String> = self
            .incidents
            .rows
            .rows()
            .map(|(id, _)| id.clone())
            .collect();
        for id in ids {
            self.incidents.rows.remove(&id);
        }
    }

    fn knows(&self, key: &str) -> bool {
        self.incidents.subjects.row(&key.to_owned()).is_some()
    }
}

/// A job has a number of its own and never fails again under it; an attester can lack its coinbase again.
#[test]
fn a_subject_of_one_occasion_is_forgotten_and_one_that_comes_back_is_not() {
    let mut world = World::new();
    world.find(&[failed(1), missing(1, &[])]);
    world.forget_incidents();
    world.now += SUBJECT_KEPT_SECONDS;
    world.find(&[]);
    assert!(world.knows("job_exhausted/job-1"), "for 100 days");
    world.now += 3_600;
    world.find(&[]);
    assert!(!world.knows("job_exhausted/job-1"));
    let again = world.find(&[missing(1, &[])]);
    assert_eq!(ids(&again), ["a1/coinbase_missing/2"], "a new ordinal");
}

#[test]
fn a_subject_is_remembered_while_its_incident_is() {
    let mut world = World::new();
    world.find(&[failed(1)]);
    world.find(&[]);
    world.now += 2 * SUBJECT_KEPT_SECONDS;
    world.find(&[]);
    assert!(world.knows("job_exhausted/job-1"));
}

/// A storm leaves nothing but its group behind once its members cannot be of the same spell any more.
#[test]
fn members_of_a_group_are_forgotten_after_their_spell() {
    let mut world = World::new();
    let storm: Vec<Finding> = (1..=20).map(|byte| missing(byte, &["7d"])).collect();
    world.find(&storm);
    world.find(&[]);
    world.now += 1_800;
    assert_eq!(
        ids(&world.find(&storm)),
        ["*/coinbase_missing/1", "*/coinbase_missing/1/again-2"],
        "the same spell: its rungs were told"
    );
    world.find(&[]);
    world.now += 3_600;
    world.find(&[]);
    assert_eq!(world.incidents.subjects.len(), 1);
    assert!(world.knows("coinbase_missing/*"));
}

#[test]
fn too_many_subjects_are_forgotten_oldest_first() {
    let mut world = World::new();
    for index in 0..=u64::try_from(SUBJECTS_MAX).unwrap() {
        let row = SubjectState {
            raised: 1,
            gone_at: Some(UnixSeconds::new(START + index)),
            ..SubjectState::default()
        };
        let key = format!("coinbase_missing/{index}");
        world.incidents.subjects.put(key, row);
    }
    world.now += SUBJECT_KEPT_SECONDS;
    world.find(&[]);
    assert!(world.knows("coinbase_missing/0"), "not before its time");
    world.now += 3_600;
    world.find(&[]);
    assert_eq!(world.incidents.subjects.len(), SUBJECTS_MAX);
    assert!(!world.knows("coinbase_missing/0"));
}
