//! What is found against what is open: the changes that follow. Same findings again, no change.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Finding, GROUP, Incident, Incidents, Rung, Snooze, State, SubjectState,
    apply::{IncidentChange, Opening},
    group, subject_key,
};
use crate::{
    alert::{
        card::Severity,
        class::Class,
        condition::{Condition, GROUP_RUNG_EVERY_SECONDS},
        facts::Facts,
        notice::NoticeId,
    },
    units::UnixSeconds,
};

/// Names every scope of a class in the set of what is unknown.
pub const EVERY_SCOPE: &str = "*";

/// The changes that follow from `findings` at `now`.
///
/// `findings` is everything that is found now, of every class. A class whose source could not be read in some scope is
/// named in `unknown` with that scope ([`EVERY_SCOPE`] for all): what is open there stays as it is.
#[must_use]
pub fn judge(
    incidents: &Incidents,
    findings: &[Finding],
    unknown: &BTreeSet<(Class, String)>,
    now: UnixSeconds,
) -> Vec<IncidentChange> {
    let mut changes = Vec::new();
    for class in Class::ALL.into_iter().filter(|class| class.is_incident()) {
        let mut found: BTreeMap<&str, &Finding> = BTreeMap::new();
        let mut subjects: Vec<&str> = Vec::new();
        for finding in findings.iter().filter(|finding| finding.class == class) {
            let worst = found.entry(&finding.subject).or_insert_with(|| {
                subjects.push(&finding.subject);
                finding
            });
            if finding.severity > worst.severity {
                *worst = finding;
            }
        }
        let bench = Bench {
            incidents,
            class,
            condition: class.condition(),
            unknown,
            now,
        };
        bench.judge(&found, &subjects, &mut changes);
    }
    changes
}

/// One class before the judge.
struct Bench<'a> {
    incidents: &'a Incidents,
    class: Class,
    condition: Condition,
    unknown: &'a BTreeSet<(Class, String)>,
    now: UnixSeconds,
}

impl Bench<'_> {
    /// New incidents are opened in the order in which they were found.
    fn judge(
        &self,
        found: &BTreeMap<&str, &Finding>,
        subjects: &[&str],
        changes: &mut Vec<IncidentChange>,
    ) {
        let is_source_missing = self.note_absent(found, changes);
        let mut mature: BTreeMap<&str, &Finding> = BTreeMap::new();
        for (subject, finding) in found {
            if self.note_present(finding, changes) {
                mature.insert(subject, finding);
            }
        }
        let mut group = None;
        for incident in self.open() {
            if incident.is_group() {
                group = Some(incident);
                continue;
            }
            mature.remove(incident.subject.as_str());
            match found.get(incident.subject.as_str()) {
                Some(finding) => self.refresh(incident, finding, changes),
                None => self.missing(incident, self.is_unknown(&incident.scope), changes),
            }
        }
        let rest = subjects.iter().filter_map(|subject| mature.remove(subject));
        let rest: Vec<&Finding> = rest.collect();
        match group {
            Some(group) if rest.is_empty() => self.missing(group, is_source_missing, changes),
            Some(group) => self.refresh_group(group, &rest, is_source_missing, changes),
            None if self.condition.is_grouped && rest.len() > self.incidents.group_over => {
                self.raise_group(&rest, changes);
            }
            None => {
                for finding in rest {
                    self.raise(finding, None, changes);
                }
            }
        }
    }

    fn open(&self) -> impl Iterator<Item = &Incident> {
        let rows = self.incidents.rows.rows().map(|(_, incident)| incident);
        rows.filter(|incident| incident.class == self.class && incident.is_open())
    }

    fn is_unknown(&self, scope: &str) -> bool {
        [scope, EVERY_SCOPE]
            .iter()
            .any(|scope| self.unknown.contains(&(self.class, (*scope).to_owned())))
    }

    fn row(&self, subject: &str) -> Option<&SubjectState> {
        let key = subject_key(self.class, subject);
        self.incidents.subjects.row(&key)
    }

    /// Notes the subjects that are no longer found; says whether there is one of which nobody can tell.
    fn note_absent(
        &self,
        found: &BTreeMap<&str, &Finding>,
        changes: &mut Vec<IncidentChange>,
    ) -> bool {
        let prefix = subject_key(self.class, "");
        let mut is_source_missing = self.is_unknown(EVERY_SCOPE);
        let rows = self.incidents.subjects.range(prefix.clone()..);
        for (key, row) in rows.take_while(|(key, _)| key.starts_with(&prefix)) {
            let subject = key.strip_prefix(&prefix).unwrap_or_default();
            if row.since.is_none() || found.contains_key(subject) {
                continue;
            }
            if self.is_unknown(&row.scope) {
                is_source_missing = true;
                continue;
            }
            changes.push(IncidentChange::Gone {
                class: self.class,
                subject: subject.to_owned(),
            });
        }
        is_source_missing
    }

    /// Notes that a subject is found; says whether it stands for long enough.
    fn note_present(&self, finding: &Finding, changes: &mut Vec<IncidentChange>) -> bool {
        let row = self.row(&finding.subject);
        let since = row.and_then(|row| row.since);
        if since.is_none() || row.is_some_and(|row| row.scope != finding.scope) {
            changes.push(IncidentChange::Seen {
                class: self.class,
                subject: finding.subject.clone(),
                scope: finding.scope.clone(),
                forget_rungs: since.is_none() && !self.is_same_spell(row),
            });
        }
        let since = since.unwrap_or(self.now);
        self.now.since(since) >= self.condition.raise_after
    }

    fn is_same_spell(&self, row: Option<&SubjectState>) -> bool {
        row.and_then(|row| row.gone_at)
            .is_some_and(|gone_at| self.now.since(gone_at) <= self.condition.spell())
    }

    fn missing(&self, incident: &Incident, is_unknown: bool, changes: &mut Vec<IncidentChange>) {
        if is_unknown {
            self.wake_by_time(incident, changes);
            return;
        }
        let id = incident.id.clone();
        match incident.absent_since {
            None if self.condition.clear_after == 0 => changes.push(IncidentChange::Resolve { id }),
            None => changes.push(IncidentChange::Absent { id }),
            Some(since) if self.now.since(since) >= self.condition.clear_after => {
                changes.push(IncidentChange::Resolve { id });
            }
            Some(_) => {}
        }
    }

    fn wake_by_time(&self, incident: &Incident, changes: &mut Vec<IncidentChange>) -> bool {
        let is_over =
            matches!(incident.state, State::Snoozed(Snooze::Until(until)) if until <= self.now);
        if is_over {
            changes.push(IncidentChange::Wake {
                id: incident.id.clone(),
                is_changed: false,
            });
        }
        is_over
    }

    /// Facts and severity of one that goes on; says whether it may speak.
    fn go_on(
        &self,
        incident: &Incident,
        facts: Facts,
        severity: Severity,
        scope: &str,
        changes: &mut Vec<IncidentChange>,
    ) -> bool {
        let id = &incident.id;
        if incident.absent_since.is_some() {
            changes.push(IncidentChange::Back { id: id.clone() });
        }
        let facts = facts.settled(&incident.facts);
        let is_news = facts != incident.facts || severity != incident.severity;
        if is_news || scope != incident.scope {
            changes.push(IncidentChange::Update {
                id: id.clone(),
                facts: Box::new(facts),
                severity,
                scope: scope.to_owned(),
            });
        }
        let is_woken_by_change =
            is_news && matches!(incident.state, State::Snoozed(Snooze::UntilChanged));
        if is_woken_by_change {
            changes.push(IncidentChange::Wake {
                id: id.clone(),
                is_changed: true,
            });
        }
        let is_awake = self.wake_by_time(incident, changes) || is_woken_by_change;
        is_awake || matches!(incident.state, State::Open)
    }

    fn refresh(&self, incident: &Incident, finding: &Finding, changes: &mut Vec<IncidentChange>) {
        let may_speak = self.go_on(
            incident,
            finding.facts.clone(),
            finding.severity,
            &finding.scope,
            changes,
        );
        let mut crossed = self.crossed(finding);
        let is_worse = finding.severity > incident.severity;
        if is_worse && crossed.is_empty() {
            crossed.push(self.severity_rung(finding.severity));
            crossed.retain(|rung| !self.is_told(&finding.subject, &rung.name));
        }
        self.tell(incident, may_speak, is_worse, crossed, &[finding], changes);
    }

    /// The rungs of a finding that were not told.
    fn crossed(&self, finding: &Finding) -> Vec<Rung> {
        let is_new = |rung: &&Rung| !self.is_told(&finding.subject, &rung.name);
        finding.rungs.iter().filter(is_new).cloned().collect()
    }

    fn is_told(&self, subject: &str, rung: &str) -> bool {
        self.row(subject).is_some_and(|row| {
            (row.since.is_some() || self.is_same_spell(Some(row)))
                && row.rungs.iter().any(|told| told == rung)
        })
    }

    /// Where a class has no ladder, mattering more is its only rung.
    fn severity_rung(&self, severity: Severity) -> Rung {
        let name = match severity {
            Severity::Critical => "critical",
            Severity::Warning => "warning",
            Severity::Info | Severity::Resolved | Severity::Retracted => "info",
        };
        Rung {
            rank: u8::MAX,
            name: name.to_owned(),
        }
    }

    /// Tells the highest of the crossed rungs. Acknowledged: rungs pass in silence, unless it matters more than before.
    /// Snoozed: they wait for the end of the snooze, unless it matters more.
    fn tell(
        &self,
        incident: &Incident,
        may_speak: bool,
        is_worse: bool,
        crossed: Vec<Rung>,
        members: &[&Finding],
        changes: &mut Vec<IncidentChange>,
    ) {
        let Some(highest) = crossed.iter().max().cloned() else {
            return;
        };
        let is_told = may_speak || is_worse;
        if !is_told && matches!(incident.state, State::Snoozed(_)) {
            return;
        }
        let is_early = incident.rung_at.is_some_and(|at| {
            incident.is_group()
                && !is_worse
                && incident.rungs.last().is_some_and(|last| {
                    last == &highest.name || last.starts_with(&format!("{}-", highest.name))
                })
                && self.now.since(at) < GROUP_RUNG_EVERY_SECONDS
        });
        if is_early {
            return;
        }
        let own: BTreeSet<&str> = crossed.iter().map(|rung| rung.name.as_str()).collect();
        let told = self.told(members, &own);
        let at_highest = members.iter().filter(|member| {
            let mut crossed = self.crossed(member).into_iter();
            crossed.any(|rung| rung.name == highest.name)
        });
        changes.push(IncidentChange::Rung {
            id: incident.id.clone(),
            rung: highest.name.clone(),
            count: u64::try_from(at_highest.count()).unwrap_or(u64::MAX).max(1),
            told,
            is_told,
        });
    }

    /// Which rungs of which subjects are behind them now.
    fn told(&self, members: &[&Finding], names: &BTreeSet<&str>) -> Vec<(String, Vec<String>)> {
        let mut told = Vec::new();
        for member in members {
            let mut rungs: Vec<String> = self
                .crossed(member)
                .into_iter()
                .map(|rung| rung.name)
                .collect();
            if members.len() == 1 {
                rungs.extend(names.iter().map(|name| (*name).to_owned()));
                rungs.sort();
                rungs.dedup();
            }
            if !rungs.is_empty() {
                told.push((member.subject.clone(), rungs));
            }
        }
        told
    }

    fn refresh_group(
        &self,
        group: &Incident,
        members: &[&Finding],
        is_source_missing: bool,
        changes: &mut Vec<IncidentChange>,
    ) {
        let severity = group::severity(members, self.class);
        let mut facts = Facts::Group(group::facts(members));
        let mut severity_now = severity;
        if is_source_missing {
            // Members that nobody can see now are still members: what is known stays.
            facts = group.facts.clone();
            severity_now = severity.max(group.severity);
        }
        let may_speak = self.go_on(group, facts, severity_now, "", changes);
        let is_worse = severity > group.severity;
        let mut crossed: Vec<Rung> = members.iter().flat_map(|one| self.crossed(one)).collect();
        crossed.sort();
        crossed.dedup();
        if is_worse
            && crossed.is_empty()
            && !self.is_told(GROUP, &self.severity_rung(severity).name)
        {
            let rung = self.severity_rung(severity);
            changes.push(IncidentChange::Rung {
                id: group.id.clone(),
                rung: rung.name.clone(),
                count: u64::try_from(members.len()).unwrap_or(u64::MAX),
                told: vec![(GROUP.to_owned(), vec![rung.name])],
                is_told: true,
            });
            return;
        }
        self.tell(group, may_speak, is_worse, crossed, members, changes);
    }

    fn raise_group(&self, members: &[&Finding], changes: &mut Vec<IncidentChange>) {
        let finding = Finding {
            class: self.class,
            subject: GROUP.to_owned(),
            scope: String::new(),
            severity: group::severity(members, self.class),
            facts: Facts::Group(group::facts(members)),
            rungs: Vec::new(),
            row: Vec::new(),
        };
        self.raise(&finding, Some(members), changes);
    }

    /// Opens an incident, or lets the one go on that ended a moment ago.
    fn raise(
        &self,
        finding: &Finding,
        members: Option<&[&Finding]>,
        changes: &mut Vec<IncidentChange>,
    ) {
        let within = self.condition.reopen_within;
        let last = self.incidents.latest(self.class, &finding.subject);
        let again = last.filter(|incident| {
            let ended = incident.resolved_at();
            within > 0 && ended.is_some_and(|at| self.now.since(at) <= within)
        });
        let id = if let Some(incident) = again {
            changes.push(IncidentChange::Reopen {
                id: incident.id.clone(),
                facts: Box::new(finding.facts.clone()),
                severity: finding.severity,
                scope: finding.scope.clone(),
            });
            incident.id.clone()
        } else {
            changes.push(IncidentChange::Open(Box::new(Opening {
                class: self.class,
                subject: finding.subject.clone(),
                scope: finding.scope.clone(),
                severity: finding.severity,
                facts: finding.facts.clone(),
                file: members.map(|members| group::file(self.class, members)),
                is_followed: false,
            })));
            let raised = self.row(&finding.subject).map_or(0, |row| row.raised);
            let network = &self.incidents.network;
            NoticeId::new(
                network,
                &finding.subject,
                self.class,
                raised.saturating_add(1),
                "",
            )
        };
        self.tell_first(&id, finding, members, changes);
    }

    /// The highest rung that is behind a new incident: its reply wakes people in place of the card.
    fn tell_first(
        &self,
        id: &NoticeId,
        finding: &Finding,
        members: Option<&[&Finding]>,
        changes: &mut Vec<IncidentChange>,
    ) {
        let alone = [finding];
        let members = members.unwrap_or(&alone);
        let crossed: Vec<Rung> = members.iter().flat_map(|one| self.crossed(one)).collect();
        let Some(highest) = crossed.iter().max() else {
            return;
        };
        if let Some(IncidentChange::Open(opening)) = changes.last_mut() {
            opening.is_followed = true;
        }
        let count = crossed
            .iter()
            .filter(|rung| rung.name == highest.name)
            .count();
        changes.push(IncidentChange::Rung {
            id: id.clone(),
            rung: highest.name.clone(),
            count: u64::try_from(count).unwrap_or(u64::MAX),
            told: self.told(members, &BTreeSet::new()),
            is_told: true,
        });
    }
}
