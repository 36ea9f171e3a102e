//! Words of others, made harmless: one line, no controls, no endless characters.

use unicode_segmentation::UnicodeSegmentation;

/// Most code points of one visible character: the longest emoji in use have ten.
const GRAPHEME_MAX: usize = 12;
/// Breaks a ping or a link and is not seen.
const NOTHING: char = '\u{200b}';

/// Text on one line, without control and direction characters, and without characters made of a hundred marks.
#[must_use]
pub fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for grapheme in text.graphemes(true) {
        let is_space = grapheme.chars().all(char::is_whitespace);
        if is_space {
            if !out.ends_with(' ') {
                out.push(' ');
            }
            continue;
        }
        let kept = grapheme.chars().filter(|sign| !is_hidden(*sign));
        if grapheme.chars().count() > GRAPHEME_MAX {
            out.extend(kept.take(1));
        } else {
            out.extend(kept);
        }
    }
    out
}

/// Whether a character is not seen, or turns the direction of what follows it. The joiner of emoji stays.
fn is_hidden(sign: char) -> bool {
    sign.is_control()
        || matches!(sign,
            '\u{00ad}' | '\u{061c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
}

/// The same with pings, addresses of pages and invitations broken by a sign that is not seen.
#[must_use]
pub fn disarm(text: &str) -> String {
    let text = clean(text);
    let mut out = String::with_capacity(text.len() + 8);
    let mut rest = text.as_str();
    while let Some(sign) = rest.chars().next() {
        let is_invitation = sign == '.' && ends_with_discord(&out);
        let is_page = sign == ':' && rest.starts_with(":/");
        if is_invitation {
            out.push(NOTHING);
        }
        out.push(sign);
        if sign == '@' || sign == '#' || is_page {
            out.push(NOTHING);
        }
        rest = rest.get(sign.len_utf8()..).unwrap_or_default();
    }
    out
}

fn ends_with_discord(text: &str) -> bool {
    ["discord", "discordapp"].iter().any(|word| {
        text.len()
            .checked_sub(word.len())
            .and_then(|start| text.get(start..))
            .is_some_and(|tail| tail.eq_ignore_ascii_case(word))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_others_stay_on_one_line_and_hide_nothing() {
        assert_eq!(clean("a\n\tb\u{202e}c\u{0}"), "a bc");
        let zalgo = format!("e{}!", "\u{0301}".repeat(500));
        assert_eq!(clean(&zalgo), "e!");
        assert_eq!(clean("👨‍👩‍👧‍👦 é"), "👨‍👩‍👧‍👦 é");
    }

    #[test]
    fn words_of_others_ping_and_lead_nowhere() {
        assert_eq!(disarm("@everyone"), "@\u{200b}everyone");
        assert_eq!(disarm("https://x.y"), "https:\u{200b}//x.y");
        assert_eq!(disarm("Discord.gg/x"), "Discord\u{200b}.gg/x");
    }
}
