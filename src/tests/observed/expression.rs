//! Expressions of Prometheus: what they name, and which labels they leave.

use std::collections::BTreeSet;

use promql_parser::{
    label::{MatchOp, Matcher},
    parser::{
        AggregateExpr, BinaryExpr, Call, Expr, LabelModifier, VectorMatchCardinality,
        VectorSelector, value::ValueType,
    },
};

use super::exposition::Exposition;

/// What was found in an expression.
#[derive(Debug)]
pub(super) struct Read<'a> {
    exposition: &'a Exposition,
    /// What is wrong with it.
    pub(super) faults: Vec<String>,
}

type Labels = BTreeSet<String>;

/// The labels that an expression leaves, and what is wrong with it.
pub(super) fn read(text: &str, exposition: &Exposition) -> (Labels, Vec<String>) {
    let mut read = Read {
        exposition,
        faults: Vec::new(),
    };
    let labels = match promql_parser::parser::parse(text) {
        Ok(expression) => read.expression(&expression),
        Err(error) => {
            read.faults.push(error);
            Labels::new()
        }
    };
    let faults = read
        .faults
        .into_iter()
        .map(|fault| format!("{fault} in {text}"));
    (labels, faults.collect())
}

impl Read<'_> {
    fn expression(&mut self, expression: &Expr) -> Labels {
        match expression {
            Expr::Aggregate(aggregate) => self.aggregate(aggregate),
            Expr::Unary(unary) => self.expression(&unary.expr),
            Expr::Binary(binary) => self.binary(binary),
            Expr::Paren(paren) => self.expression(&paren.expr),
            Expr::Subquery(subquery) => self.expression(&subquery.expr),
            Expr::NumberLiteral(_) | Expr::StringLiteral(_) => Labels::new(),
            Expr::VectorSelector(selector) => self.selector(selector),
            Expr::MatrixSelector(matrix) => self.selector(&matrix.vs),
            Expr::Call(call) => self.call(call),
            Expr::Extension(_) => panic!("no extension is used"),
        }
    }

    fn selector(&mut self, selector: &VectorSelector) -> Labels {
        let name = selector.name.as_deref().unwrap_or_default();
        let Some(labels) = self.exposition.labels(name).cloned() else {
            self.faults.push(format!("{name:?} is not exposed"));
            return Labels::new();
        };
        for matcher in &selector.matchers.matchers {
            self.require(&labels, [&matcher.name], name);
            for value in plain_values(matcher) {
                let fault = self.exposition.impossible(name, &matcher.name, value);
                self.faults.extend(fault);
            }
        }
        labels
    }

    fn require<'l>(
        &mut self,
        labels: &Labels,
        named: impl IntoIterator<Item = &'l String>,
        on: &str,
    ) {
        for label in named.into_iter().filter(|label| !labels.contains(*label)) {
            self.faults.push(format!("{on} has no label {label:?}"));
        }
    }

    fn aggregate(&mut self, aggregate: &AggregateExpr) -> Labels {
        let inner = self.expression(&aggregate.expr);
        let op = aggregate.op.to_string();
        if ["topk", "bottomk"].contains(&op.as_str()) {
            return inner;
        }
        match &aggregate.modifier {
            Some(LabelModifier::Include(by)) => {
                self.require(&inner, &by.labels, &op);
                by.labels.iter().cloned().collect()
            }
            Some(LabelModifier::Exclude(without)) => {
                self.require(&inner, &without.labels, &op);
                &inner - &without.labels.iter().cloned().collect()
            }
            None => Labels::new(),
        }
    }

    fn call(&mut self, call: &Call) -> Labels {
        let arguments = &call.args.args;
        let inner: Vec<Labels> = arguments
            .iter()
            .map(|given| self.expression(given))
            .collect();
        let mut labels: Labels = inner.into_iter().flatten().collect();
        match call.func.name {
            "histogram_quantile" => {
                self.require(&labels, [&"le".to_owned()], "histogram_quantile");
                labels.remove("le");
                labels
            }
            // Absence has no series to take labels from, only what was asked for.
            "absent" | "absent_over_time" => asked_for(&arguments[0]),
            "time" | "vector" | "scalar" => Labels::new(),
            _ => labels,
        }
    }

    fn binary(&mut self, binary: &BinaryExpr) -> Labels {
        let left = self.expression(&binary.lhs);
        let right = self.expression(&binary.rhs);
        if binary.lhs.value_type() == ValueType::Scalar {
            return right;
        }
        if binary.rhs.value_type() == ValueType::Scalar {
            return left;
        }
        let modifier = binary.modifier.as_ref();
        let on: Option<Labels> = match modifier.and_then(|modifier| modifier.matching.as_ref()) {
            Some(LabelModifier::Include(on)) => Some(on.labels.iter().cloned().collect()),
            Some(LabelModifier::Exclude(_)) => panic!("ignoring() is not used: say on()"),
            None => None,
        };
        let op = binary.op.to_string();
        match &on {
            Some(on) => {
                self.require(&left, on, &op);
                self.require(&right, on, &op);
            }
            // Without on() both sides must have the same labels, or nothing ever matches.
            None if left != right && op != "or" => {
                self.faults.push(format!(
                    "{op} between {left:?} and {right:?} matches nothing"
                ));
            }
            None => {}
        }
        match op.as_str() {
            "or" => &left | &right,
            "and" | "unless" => left,
            _ => match modifier.map(|modifier| &modifier.card) {
                Some(VectorMatchCardinality::ManyToOne(more)) => {
                    self.require(&right, &more.labels, "group_left");
                    left.into_iter()
                        .chain(more.labels.iter().cloned())
                        .collect()
                }
                Some(VectorMatchCardinality::OneToMany(_)) => panic!("say group_left"),
                _ => on.unwrap_or(left),
            },
        }
    }
}

/// The values that a matcher names, where they are words: alternatives singly, variables of Grafana not at all.
fn plain_values(matcher: &Matcher) -> Vec<&str> {
    let values: Vec<&str> = match &matcher.op {
        MatchOp::Equal | MatchOp::NotEqual => vec![&matcher.value],
        MatchOp::Re(_) | MatchOp::NotRe(_) => matcher.value.split('|').collect(),
    };
    let is_word = |value: &&str| !value.contains(['$', '*', '.', '[']);
    values.into_iter().filter(is_word).collect()
}

fn asked_for(expression: &Expr) -> Labels {
    let Expr::VectorSelector(selector) = expression else {
        return Labels::new();
    };
    let matchers = selector.matchers.matchers.iter();
    let equal = matchers.filter(|matcher| matcher.op == MatchOp::Equal);
    equal.map(|matcher| matcher.name.clone()).collect()
}

#[test]
fn an_expression_is_held_to_what_is_exposed() {
    let exposition = Exposition::read();
    let faults = |text: &str| read(text, &exposition).1;
    for right in [
        "sum by (network) (steward_attesters{state=\"ACTIVE\"}) > 0",
        "histogram_quantile(0.9, sum by (le) (rate(steward_delivery_latency_seconds_bucket[5m])))",
        "time() - steward_l1_head_timestamp_seconds > 300",
    ] {
        assert_eq!(faults(right), Vec::<String>::new());
    }
    for wrong in [
        "steward_attester",
        "steward_attesters{stage=\"ACTIVE\"}",
        "steward_attesters{state=\"active\"}",
        "sum by (endpoint) (steward_attesters)",
        "steward_attesters / on (network, endpoint) steward_provider_keys",
        "steward_attesters / steward_provider_keys",
        "rate(steward_delivery_latency_seconds[5m])",
        "sum(steward_attesters",
    ] {
        assert!(!faults(wrong).is_empty(), "{wrong}");
    }
}
