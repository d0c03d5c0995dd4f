//! Makes text from files safe to print on a terminal.

/// Escapes characters that would move the cursor of a terminal, change its colors or reorder the rest of a line.
pub fn visible(text: String) -> String {
    let hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    if !text.contains(hidden) {
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
