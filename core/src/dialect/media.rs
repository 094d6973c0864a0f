//! Pictures and files in base64: checked without decoding them as a whole.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::read::Path;
use crate::error::Error;
use crate::turn::Image;

/// A picture whose base64 stands at `path`, with or without `data:…;base64,` before it. Its format is read
/// from its first bytes, whatever the client declared.
///
/// # Errors
/// What is no base64, no PNG, JPEG, GIF or WebP, or larger than the service takes.
pub(crate) fn image<'a>(data: Cow<'a, str>, path: &Path<'_>) -> Result<Image<'a>, Error> {
    let base64 = base64(strip_data_url(data, path)?, path)?;
    let bytes = decoded_len(&base64);
    if bytes > MAX_IMAGE_IN {
        return Err(path.invalid(format!("the image has {bytes} bytes; the limit is {MAX_IMAGE_IN}")));
    }
    let format = format_of(&head_of(&base64, 16), path)?;
    if bytes > MAX_IMAGE_OUT {
        return Err(path.invalid(format!(
            "the image has {bytes} bytes; the service takes at most {MAX_IMAGE_OUT}: scale it down or compress it"
        )));
    }
    let size = size_of(&base64);
    if let Some((width, height)) = size
        && (width > MAX_SIDE || height > MAX_SIDE)
    {
        return Err(path.invalid(format!(
            "the image is {width} x {height} pixels; the service takes at most {MAX_SIDE} a side: scale it down"
        )));
    }
    Ok(Image { format, base64, size })
}

/// Standard base64 with padding. Line breaks are dropped, the URL-safe alphabet is translated and missing
/// padding is added; text that is already standard stays borrowed.
///
/// # Errors
/// An empty text and one that is no base64.
pub(crate) fn base64<'a>(text: Cow<'a, str>, path: &Path<'_>) -> Result<Cow<'a, str>, Error> {
    let text = if is_standard(text.as_bytes()) {
        Some(text)
    } else {
        Some(standardise(&text)).filter(|clean| is_standard(clean.as_bytes())).map(Cow::Owned)
    };
    // The last group alone tells whether the padding is right.
    let is_whole = |text: &Cow<'_, str>| {
        let tail = text.get(text.len().saturating_sub(4)..).unwrap_or("");
        !tail.is_empty() && STANDARD.decode(tail).is_ok()
    };
    text.filter(is_whole).ok_or_else(|| path.invalid("is not valid base64"))
}

/// Bytes that standard base64 with padding stands for.
pub(crate) fn decoded_len(base64: &str) -> usize {
    let padding = base64.bytes().rev().take_while(|&byte| byte == b'=').count();
    (base64.len() / 4 * 3).saturating_sub(padding)
}

/// What follows the head of a data URL; another text as it is.
///
/// # Errors
/// A data URL that is not in base64.
pub(crate) fn strip_data_url<'a>(data: Cow<'a, str>, path: &Path<'_>) -> Result<Cow<'a, str>, Error> {
    if !data.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("data:")) {
        return Ok(data);
    }
    let start = data
        .split_once(',')
        .filter(|(head, _)| head.to_ascii_lowercase().ends_with(";base64"))
        .map(|(head, _)| head.len() + 1)
        .ok_or_else(|| path.invalid("must be a data URL in base64: data:image/png;base64,…"))?;
    Ok(match data {
        Cow::Borrowed(text) => Cow::Borrowed(text.get(start..).unwrap_or("")),
        Cow::Owned(mut text) => {
            text.drain(..start);
            Cow::Owned(text)
        }
    })
}

/// The service's name of a document type.
pub(crate) fn document_format(media_type: &str) -> Option<&'static str> {
    let essence = media_type.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    Some(match essence.as_str() {
        "application/pdf" => "pdf",
        "text/plain" => "txt",
        "text/html" => "html",
        "text/markdown" | "text/x-markdown" => "md",
        "text/csv" | "application/csv" => "csv",
        "application/msword" => "doc",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document" => "docx",
        "application/vnd.ms-excel" => "xls",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet" => "xlsx",
        _ => return None,
    })
}

/// Whether the text has base64's length, letters, and padding only at its end.
fn is_standard(text: &[u8]) -> bool {
    let body = text.strip_suffix(b"==").or_else(|| text.strip_suffix(b"=")).unwrap_or(text);
    let letter = |byte: &u8| byte.is_ascii_alphanumeric() | (*byte == b'+') | (*byte == b'/');
    // In pieces without an early exit, which the compiler turns into SIMD: pictures have megabytes.
    text.len().is_multiple_of(4) && body.chunks(64).all(|piece| piece.iter().fold(true, |all, byte| all & letter(byte)))
}

fn standardise(text: &str) -> String {
    let mut clean: String = text
        .chars()
        .filter(|letter| !letter.is_ascii_whitespace())
        .map(|letter| match letter {
            '-' => '+',
            '_' => '/',
            other => other,
        })
        .collect();
    while !clean.len().is_multiple_of(4) && !clean.ends_with("==") {
        clean.push('=');
    }
    clean
}

/// The first `bytes` bytes, or fewer.
fn head_of(base64: &str, bytes: usize) -> Vec<u8> {
    let end = base64.len().min(bytes.div_ceil(3) * 4);
    base64.get(..end).and_then(|head| STANDARD.decode(head).ok()).unwrap_or_default()
}

fn format_of(head: &[u8], path: &Path<'_>) -> Result<&'static str, Error> {
    match head {
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1A, b'\n', ..] => Ok("png"),
        [0xFF, 0xD8, 0xFF, ..] => Ok("jpeg"),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Ok("gif"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Ok("webp"),
        [b'B', b'M', ..] => Err(path.invalid("is a BMP image, which the service does not take: send PNG or JPEG")),
        _ => Err(path.invalid("is not a PNG, JPEG, GIF or WebP image")),
    }
}

/// The pixel size, from the first kilobytes; a JPEG may carry more than that before it tells.
fn size_of(base64: &str) -> Option<(u32, u32)> {
    [1 << 10, 1 << 18].into_iter().find_map(|bytes| {
        let size = imagesize::blob_size(&head_of(base64, bytes)).ok()?;
        Some((u32::try_from(size.width).ok()?, u32::try_from(size.height).ok()?))
    })
}

/// The largest image that is read, in bytes.
const MAX_IMAGE_IN: usize = 20 * 1024 * 1024;
/// The largest image the service takes: it counts 5 MiB of base64 (observed 2026-08).
const MAX_IMAGE_OUT: usize = 5 * 1024 * 1024 / 4 * 3;
/// The longest side the service takes, in pixels.
const MAX_SIDE: u32 = 8000;

#[cfg(test)]
mod tests {
    use super::*;

    const PNG: &str =
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

    fn of(text: &str) -> Result<Image<'_>, Error> {
        image(Cow::Borrowed(text), &Path::Root.key("data"))
    }

    fn png(width: u32, height: u32, bytes: usize) -> String {
        let mut file = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
        file.extend(width.to_be_bytes());
        file.extend(height.to_be_bytes());
        file.resize(bytes.max(64), 0);
        STANDARD.encode(file)
    }

    #[test]
    fn a_picture_is_known_by_its_bytes_and_stays_borrowed() {
        let image = of(PNG).unwrap();
        assert_eq!((image.format, image.size), ("png", Some((1, 1))));
        assert!(matches!(image.base64, Cow::Borrowed(PNG)));
        for (bytes, format) in [
            (&b"\xff\xd8\xff\xe0aaaaaaaaaaaa"[..], "jpeg"),
            (b"GIF89a\x02\0\x03\0aaaaaaaa", "gif"),
            (b"RIFF\0\0\0\0WEBPVP8 ", "webp"),
        ] {
            assert_eq!(of(&STANDARD.encode(bytes)).unwrap().format, format);
        }
    }

    #[test]
    fn sloppy_base64_becomes_standard() {
        let wrapped = format!("data:image/gif;BASE64,{}\r\n{}", &PNG[..60], PNG[60..].trim_end_matches('='));
        assert_eq!(of(&wrapped).unwrap().base64, PNG);
        let path = Path::Root;
        assert_eq!(base64(Cow::Borrowed("_-8"), &path).unwrap(), "/+8=");
    }

    #[test]
    fn what_is_no_base64_or_no_picture_is_refused() {
        for text in ["", "=", "====", "A", "AB", "A===", "A=AA", "ABC=DEFG", "!@#$", "iVBOR", "é", "QUJDREVGR0g="] {
            assert!(of(text).is_err(), "{text}");
        }
        assert!(of("data:image/png,abc").unwrap_err().text().contains("data URL"));
        assert!(of(&STANDARD.encode(b"BM0000000000")).unwrap_err().text().contains("BMP"));
    }

    #[test]
    fn limits_of_the_service_are_told_with_what_to_do() {
        assert_eq!(of(&png(8000, 8000, MAX_IMAGE_OUT)).unwrap().size, Some((8000, 8000)));
        for text in [png(8001, 10, 0), png(10, 8001, 0), png(10, 10, MAX_IMAGE_OUT + 1)] {
            assert!(of(&text).unwrap_err().text().contains("scale it down"));
        }
        assert!(of(&png(1, 1, MAX_IMAGE_IN + 1)).unwrap_err().text().contains("the limit is"));
    }

    #[test]
    fn lengths_are_those_of_the_decoded_bytes() {
        for bytes in 1..20 {
            assert_eq!(decoded_len(&STANDARD.encode(vec![7; bytes])), bytes);
        }
    }
}
