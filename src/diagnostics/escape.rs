//! Makes text from files safe to print on a terminal.

/// Whether a character would move the cursor of a terminal, change its colors, reorder other text, or be seen by nobody:
/// control characters and Unicode's format characters.
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(c, '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// The same in text of several lines, where line feeds and tabs are seen.
pub fn is_hidden_in_lines(c: char) -> bool {
    is_hidden(c) && !matches!(c, '\n' | '\t')
}

/// Shows such characters as escapes, `\u{202e}`.
pub fn visible(text: String) -> String {
    escaped(text, is_hidden)
}

/// The same for text of several lines: line feeds and tabs stay.
pub fn visible_lines(text: String) -> String {
    escaped(text, is_hidden_in_lines)
}

fn escaped(text: String, hidden: impl Fn(char) -> bool) -> String {
    if !text.contains(&hidden) {
        return text;
    }
    text.chars().fold(String::with_capacity(text.len()), |mut shown, c| {
        if hidden(c) {
            shown.extend(c.escape_debug());
        } else {
            shown.push(c);
        }
        shown
    })
}
