//! What an edit changed, in as few lines as possible: nobody wants to read a card twice.

use steward::alert::{
    card::{Card, Field, Message, Severity, Text},
    render::terminal::{Terminal, text, wrapped},
};

/// The difference between what stood there and what stands there now; the title always leads.
pub(super) fn difference(old: &Message, new: &Message, terminal: &Terminal) -> String {
    let mut out = String::new();
    if let Some(line) = new.content.as_ref().filter(|_| old.content != new.content) {
        out.push_str(&wrapped(&text(line, terminal), "", terminal));
    }
    for (index, card) in new.cards.iter().enumerate() {
        changed_card(&mut out, old.cards.get(index), card, terminal);
    }
    if old.table != new.table {
        let table = Message {
            table: new.table.clone(),
            ..Message::default()
        };
        out.push_str(&steward::alert::render::terminal::message(&table, terminal));
    }
    out
}

fn changed_card(out: &mut String, old: Option<&Card>, new: &Card, terminal: &Terminal) {
    let Some(old) = old else {
        out.push_str(&steward::alert::render::terminal::card(new, terminal));
        return;
    };
    let title = format!("{} {}", new.severity.sign(), text(&new.title, terminal));
    out.push_str(&wrapped(&title, "", terminal));
    let mut line = |line: String| out.push_str(&wrapped(&line, "  ", terminal));
    let is_gone = |line: &&Text| !new.body.contains(line) && new.severity != Severity::Retracted;
    for gone in old.body.iter().filter(is_gone) {
        line(format!("- {}", text(gone, terminal)));
    }
    for come in new.body.iter().filter(|line| !old.body.contains(line)) {
        line(format!("+ {}", text(come, terminal)));
    }
    let shown = |text_of: &Text| text(text_of, terminal);
    for field in &old.fields {
        match value_of(&new.fields, &field.name) {
            Some(value) if *value == field.value => {}
            Some(value) => line(format!(
                "{}: {} → {}",
                field.name,
                shown(&field.value),
                shown(value)
            )),
            // A card that was taken back says nothing of what it once said.
            None if new.severity == Severity::Retracted => {}
            None => line(format!("- {}: {}", field.name, shown(&field.value))),
        }
    }
    let is_new = |field: &&Field| value_of(&old.fields, &field.name).is_none();
    for field in new.fields.iter().filter(is_new) {
        line(format!("+ {}: {}", field.name, shown(&field.value)));
    }
}

fn value_of<'a>(fields: &'a [Field], name: &str) -> Option<&'a Text> {
    let field = fields.iter().find(|field| field.name == name);
    field.map(|field| &field.value)
}
