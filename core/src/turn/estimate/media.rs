//! Tokens of images and documents.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::Meter;

/// Pixels a token, the longest edge and the most tokens of a picture that is taken as it is, and the area a
/// larger one is scaled down to. Source: Anthropic's vision guide (its table of sizes that are not scaled
/// goes up to 784 by 1568).
const PIXELS_PER_TOKEN: f64 = 750.0;
const EDGE: f64 = 1568.0;
const IMAGE_MAX: u64 = 1640;
const AREA: f64 = 1_150_000.0;
/// A picture of one pixel is a patch all the same.
const IMAGE_MIN: u64 = 4;

/// A page of a PDF is text (1,500 to 3,000 tokens by Anthropic's PDF guide, whose one-page example counts
/// 2,188) with its picture.
const PAGE: u64 = 2200;
/// Bytes of a PDF page where the pages cannot be counted: they lie in compressed streams.
const PAGE_BYTES: u64 = 50_000;
/// Bytes of an office file a token: zipped markup around text.
const OFFICE_BYTES: u64 = 10;
/// Characters of base64 decoded at a time; a multiple of four.
const CHUNK: usize = 32 * 1024;

/// Tokens of a picture of this width and height in pixels; the most a picture costs where they are not known.
pub fn image(size: Option<(u32, u32)>) -> u64 {
    let Some((width, height)) = size else { return IMAGE_MAX };
    let (width, height) = (f64::from(width), f64::from(height));
    let area = width * height;
    let fit = if width.max(height) <= EDGE && area <= IMAGE_MAX as f64 * PIXELS_PER_TOKEN {
        1.0
    } else {
        (EDGE / width.max(height)).min((AREA / area).sqrt())
    };
    // A float cast saturates, and not-a-number is zero.
    ((area * fit * fit / PIXELS_PER_TOKEN).ceil() as u64).clamp(IMAGE_MIN, IMAGE_MAX)
}

/// Tokens of a document by its lower-case format and the base64 of the file. Reads the file once: pages are
/// counted in a PDF, text formats as text, office formats by size.
pub fn document(format: &str, base64: &str) -> u64 {
    let bytes = base64.len() as u64 / 4 * 3;
    match format {
        "pdf" => pages(base64).unwrap_or_else(|| bytes.div_ceil(PAGE_BYTES)) * PAGE,
        "doc" | "docx" | "xls" | "xlsx" => bytes / OFFICE_BYTES,
        _ => plain(base64),
    }
}

/// Tokens of a file that is text.
fn plain(base64: &str) -> u64 {
    let mut meter = Meter::new();
    // A character on the border of two chunks is counted as another one, which is no matter.
    decode(base64, |bytes| meter.push_text(&String::from_utf8_lossy(bytes)));
    meter.tokens()
}

/// Page objects of a PDF; `None` when none is to be seen.
fn pages(base64: &str) -> Option<u64> {
    let (mut pages, mut window) = (0, Vec::new());
    decode(base64, |bytes| {
        window.extend_from_slice(bytes);
        let mut last = 0;
        for at in memchr::memmem::find_iter(&window, b"/Type") {
            let rest = window.get(at + 5..).unwrap_or_default().trim_ascii_start();
            match (rest.strip_prefix(b"/Page"), rest.len()) {
                (_, ..6) => break,
                (Some(after), _) => pages += u64::from(!after.first().is_some_and(u8::is_ascii_alphanumeric)),
                (None, _) => {}
            }
            last = at + 5;
        }
        window.drain(..last.max(window.len().saturating_sub(OVERLAP)));
    });
    (pages > 0).then_some(pages)
}

/// A mark that lies across two chunks: `/Type`, some blanks, `/Page`, and what follows.
const OVERLAP: usize = 24;

/// Lends the decoded file chunk by chunk, up to the first that is no base64.
fn decode(base64: &str, mut out: impl FnMut(&[u8])) {
    let mut buffer = vec![0; CHUNK];
    for chunk in base64.as_bytes().chunks(CHUNK) {
        let Ok(length) = STANDARD.decode_slice(chunk, &mut buffer) else { return };
        out(buffer.get(..length).unwrap_or_default());
    }
}
