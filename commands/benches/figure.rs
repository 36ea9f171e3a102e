//! One measured figure, and the sheet that they are written on.

use std::fmt;

/// A measured value and what it should be.
#[derive(Debug, Clone)]
pub struct Figure {
    /// What was measured.
    pub what: String,
    /// The value, with its unit.
    pub value: String,
    /// What it should be; empty where there is no target.
    pub target: String,
    /// Whether it is.
    pub is_met: Option<bool>,
}

impl Figure {
    /// A figure without a target.
    pub fn plain(what: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            value: value.into(),
            target: String::new(),
            is_met: None,
        }
    }

    /// A figure that should be at most `most`.
    pub fn at_most(what: impl Into<String>, value: f64, most: f64, unit: &str) -> Self {
        Self {
            what: what.into(),
            value: with_unit(value, unit),
            target: format!("at most {}", with_unit(most, unit)),
            is_met: Some(value <= most),
        }
    }

    /// A figure that should be at least `least`.
    pub fn at_least(what: impl Into<String>, value: f64, least: f64, unit: &str) -> Self {
        Self {
            what: what.into(),
            value: with_unit(value, unit),
            target: format!("at least {}", with_unit(least, unit)),
            is_met: Some(value >= least),
        }
    }

    const fn verdict(&self) -> &'static str {
        match self.is_met {
            Some(true) => "met",
            Some(false) => "MISSED",
            None => "",
        }
    }
}

/// Three digits that matter, thousands apart.
pub fn with_unit(value: f64, unit: &str) -> String {
    let number = if value >= 100.0 {
        grouped(value.round() as u64)
    } else if value.fract() == 0.0 {
        format!("{value:.0}")
    } else if value >= 10.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.2}")
    };
    format!("{number} {unit}").trim_end().to_owned()
}

fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<76} {:>22}", self.what, self.value)?;
        if !self.target.is_empty() {
            write!(f, "   {:<26} {}", self.target, self.verdict())?;
        }
        Ok(())
    }
}

/// The figures of one run.
#[derive(Debug, Default)]
pub struct Sheet(Vec<Figure>);

/// Puts `text` between the marks of this name in `docs/PERFORMANCE.md`.
pub fn write_between(marks: &str, text: &str) {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/PERFORMANCE.md");
    let page = std::fs::read_to_string(path).expect("docs/PERFORMANCE.md is missing");
    let (begin, end) = (
        format!("<!-- {marks}: begin -->"),
        format!("<!-- {marks}: end -->"),
    );
    let (head, rest) = page.split_once(&begin).expect("the first mark is missing");
    let (_, tail) = rest.split_once(&end).expect("the last mark is missing");
    std::fs::write(path, format!("{head}{begin}\n{text}\n{end}{tail}")).unwrap();
    eprintln!("written to {path}");
}

impl Sheet {
    /// Takes a figure.
    pub fn add(&mut self, figure: Figure) {
        self.0.push(figure);
    }

    /// Puts the table of this run into `docs/PERFORMANCE.md`.
    pub fn write_markdown(&self) {
        write_between("figures", &self.markdown());
    }

    fn markdown(&self) -> String {
        let mut lines = vec![
            format!("{}.", crate::machine::description()),
            String::new(),
            "| what | measured | target | |".to_owned(),
            "|---|---:|---|---|".to_owned(),
        ];
        lines.extend(self.0.iter().map(|figure| {
            format!(
                "| {} | {} | {} | {} |",
                figure.what,
                figure.value,
                figure.target,
                figure.verdict()
            )
        }));
        lines.join("\n")
    }
}
