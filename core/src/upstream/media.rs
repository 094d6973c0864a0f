//! Images and documents, within what the service takes.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::history::{Asked, History};
use super::wire::Object;
use crate::error::Error;
use crate::models::Model;
use crate::turn::Image;

/// A document with a name of its own and a format the service knows.
#[derive(Debug)]
pub(super) struct Document<'t> {
    title: String,
    format: &'static str,
    base64: &'t str,
}

impl Document<'_> {
    /// Its name in this request.
    pub(super) fn title(&self) -> &str {
        &self.title
    }

    /// Writes a `DocumentBlock`.
    pub(super) fn write(&self, out: &mut String) {
        let mut object = Object::open(out);
        object.string("name", &self.title);
        object.string("format", self.format);
        write_source(&mut object, self.base64);
        object.close();
    }
}

/// Names of documents: the service refuses two of the same name, and most punctuation.
#[derive(Debug, Default)]
pub(super) struct Titles {
    taken: BTreeSet<String>,
    counts: BTreeMap<String, u32>,
}

impl Titles {
    /// A document as the service takes it.
    ///
    /// # Errors
    /// Names a format it does not know, and base64 that is none.
    pub(super) fn document<'t>(&mut self, name: &str, format: &str, base64: &'t str) -> Result<Document<'t>, Error> {
        let Some(format) = known_format(format) else {
            let known = FORMATS.join(", ");
            return Err(refused(format!("document \"{name}\" has the format \"{format}\"; the service takes {known}")));
        };
        if base64.is_empty() || !is_base64(base64) {
            return Err(refused(format!("document \"{name}\" is empty or no standard base64 with padding")));
        }
        Ok(Document { title: self.title(name), format, base64 })
    }

    fn title(&mut self, name: &str) -> String {
        let base = clean_title(name);
        if self.taken.insert(base.clone()) {
            return base;
        }
        let count = self.counts.entry(base.clone()).or_insert(1);
        loop {
            *count = count.saturating_add(1);
            let title = format!("{base} ({count})");
            if self.taken.insert(title.clone()) {
                return title;
            }
        }
    }
}

/// Letters, digits, single blanks, hyphens, round and square brackets: what the service's model host takes.
fn clean_title(name: &str) -> String {
    let mut title = String::new();
    for c in name.chars().take(MAX_TITLE) {
        match c {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '-' | '(' | ')' | '[' | ']' => title.push(c),
            c if c.is_whitespace() || c.is_control() => {
                if !title.is_empty() && !title.ends_with(' ') {
                    title.push(' ');
                }
            }
            _ => title.push('-'),
        }
    }
    let title = title.trim_end();
    if title.bytes().any(|byte| byte.is_ascii_alphanumeric()) { title.to_owned() } else { "document".to_owned() }
}

fn known_format(format: &str) -> Option<&'static str> {
    let format = match format {
        "htm" => "html",
        "markdown" => "md",
        "text" | "plain" => "txt",
        other => other,
    };
    FORMATS.iter().copied().find(|known| *known == format)
}

/// The image, when the service would take it.
///
/// # Errors
/// Its format, size or base64.
pub(super) fn checked<'t>(image: &'t Image<'_>) -> Result<&'t Image<'t>, Error> {
    let bytes = image.base64.len();
    if !IMAGE_FORMATS.contains(&image.format) {
        let known = IMAGE_FORMATS.join(", ");
        return Err(refused(format!("an image has the format \"{}\"; the service takes {known}", image.format)));
    }
    if bytes > MAX_IMAGE {
        return Err(refused(format!(
            "a {} image has {bytes} bytes of base64; the service takes at most {MAX_IMAGE}. Send it smaller",
            image.format
        )));
    }
    if bytes == 0 || !is_base64(&image.base64) {
        return Err(refused("an image is empty or no standard base64 with padding".to_owned()));
    }
    Ok(image)
}

/// Holds a conversation to the images its model takes. Images of the current turn are never left out; older
/// ones make room, ten at a time, so that the prefix changes seldom, and a note stands for them.
///
/// # Errors
/// The current turn has too many, or the model takes none.
pub(super) fn limit(history: &mut History<'_>, model: &Model) -> Result<(), Error> {
    let maximum = if model.images { MAX_IMAGES } else { 0 };
    let now = history.current.images.len();
    if now > maximum {
        let takes =
            if maximum == 0 { "takes no images".to_owned() } else { format!("takes at most {maximum} in a request") };
        return Err(refused(format!("the last message holds {now} images; {} {takes}", model.id)));
    }
    let before: usize = history.rounds.iter().map(|round| round.asked.images.len()).sum();
    let excess = (before + now).saturating_sub(maximum);
    let mut to_drop = excess.next_multiple_of(DROP_STEP).min(before);
    for round in &mut history.rounds {
        drop_oldest(&mut round.asked, &mut to_drop);
    }
    Ok(())
}

fn drop_oldest(asked: &mut Asked<'_>, to_drop: &mut usize) {
    let here = asked.images.len().min(*to_drop);
    if here > 0 {
        *to_drop -= here;
        asked.images.drain(..here);
        asked.texts.push(Cow::Owned(format!("({here} images of this message are no longer attached)")));
    }
}

/// Writes an `ImageBlock`.
pub(super) fn write_image(out: &mut String, image: &Image<'_>) {
    let mut object = Object::open(out);
    object.string("format", image.format);
    write_source(&mut object, &image.base64);
    object.close();
}

/// Base64 that was checked needs no escape.
fn write_source(object: &mut Object<'_>, base64: &str) {
    let out = object.member("source");
    out.push_str("{\"bytes\":\"");
    out.push_str(base64);
    out.push_str("\"}");
}

/// Whether a text is standard base64 with padding. One pass without a branch per byte.
pub(super) fn is_base64(text: &str) -> bool {
    let body = text.strip_suffix("==").or_else(|| text.strip_suffix('=')).unwrap_or(text);
    let legal = |b: u8| b.is_ascii_alphanumeric() | (b == b'+') | (b == b'/');
    text.len().is_multiple_of(4) && body.bytes().fold(true, |all, byte| all & legal(byte))
}

fn refused(text: String) -> Error {
    Error::invalid("messages", text)
}

/// Document formats of the service's model.
const FORMATS: [&str; 9] = ["csv", "doc", "docx", "html", "md", "pdf", "txt", "xls", "xlsx"];

/// Image formats of the service's model.
const IMAGE_FORMATS: [&str; 4] = ["gif", "jpeg", "png", "webp"];

/// Most images in a request.
const MAX_IMAGES: usize = 20;

/// How many images of history leave at once.
const DROP_STEP: usize = 10;

/// Most bytes of one image, counted in base64.
const MAX_IMAGE: usize = 5 * 1024 * 1024;

/// Most characters of a document's name, with room for a number.
const MAX_TITLE: usize = 180;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_are_clean_and_unique() {
        let mut titles = Titles::default();
        let all = ["a/b.c", "a/b.c", "", "报告", "x  \t y", "a-b-c (2)", "a/b.c"].map(|name| titles.title(name));
        assert_eq!(all, ["a-b-c", "a-b-c (2)", "document", "document (2)", "x y", "a-b-c (2) (2)", "a-b-c (3)"]);
    }

    #[test]
    fn base64_is_told_from_other_text() {
        for (text, is) in [("AAAA", true), ("AA==", true), ("AAA=", true), ("", true), ("AAA", false), ("A===", false)]
        {
            assert_eq!(is_base64(text), is, "{text}");
        }
        assert!(!is_base64("AA\"A"));
        assert!(!is_base64("A-_A"));
    }
}
