//! Images and documents: bytes, formats, sizes, counts.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::{Findings, current, history, list, text};
use crate::config::Limits;
use crate::refusal::Refusal;

/// What the request carries beside text.
#[derive(Default)]
pub(super) struct Media {
    pub(super) images: usize,
    /// Base64 characters of images and documents together.
    pub(super) base64: usize,
}

/// What a picture's own bytes say.
pub(crate) struct Picture {
    pub(crate) format: &'static str,
    pub(crate) width: usize,
    pub(crate) height: usize,
}

pub(super) fn check(body: &Value, limits: &Limits, findings: &mut Findings) -> Media {
    let mut media = Media::default();
    let (mut documents, mut names) = (0, BTreeSet::new());
    for (path, user) in users(body) {
        for (index, image) in list(user, "images").iter().enumerate() {
            media.images += 1;
            media.base64 += bytes_of(image).len();
            check_image(image, &format!("{path}.images[{index}]"), limits, findings);
        }
        for (index, document) in list(user, "documents").iter().enumerate() {
            let path = format!("{path}.documents[{index}]");
            documents += 1;
            media.base64 += bytes_of(document).len();
            if !names.insert(text(document, "name")) {
                let refusal = reasoned("Duplicate document names.", "DOCUMENT_DUPLICATE_NAME");
                findings.broken("document", format!("{path}.name"), "two documents with one name", refusal);
            }
            check_document(document, &path, limits, findings);
        }
    }
    if media.images > limits.images {
        let refusal = reasoned("Too many images.", "IMAGE_COUNT_EXCEEDED");
        findings.broken(
            "image",
            "conversationState",
            format!("{} images, the limit is {}", media.images, limits.images),
            refusal,
        );
    }
    if documents > limits.documents {
        let refusal = reasoned("Too many documents.", "DOCUMENT_COUNT_EXCEEDED");
        findings.broken(
            "document",
            "conversationState",
            format!("{documents} documents, the limit is {}", limits.documents),
            refusal,
        );
    }
    media
}

fn users(body: &Value) -> Vec<(String, &Value)> {
    let entries = history(body).iter().enumerate();
    let past = entries.filter_map(|(index, entry)| {
        let user = entry.get("userInputMessage")?;
        Some((format!("conversationState.history[{index}].userInputMessage"), user))
    });
    let now = current(body).map(|user| ("conversationState.currentMessage.userInputMessage".to_owned(), user));
    past.chain(now).collect()
}

fn bytes_of(block: &Value) -> &str {
    block.get("source").map(|source| text(source, "bytes")).unwrap_or_default()
}

fn check_image(image: &Value, path: &str, limits: &Limits, findings: &mut Findings) {
    let encoded = bytes_of(image);
    let source = format!("{path}.source.bytes");
    if encoded.len() > limits.image_base64 {
        let message = format!(
            "image exceeds {} MB maximum: {} bytes > {}",
            limits.image_base64 >> 20,
            encoded.len(),
            limits.image_base64
        );
        findings.broken("image", &source, message.clone(), reasoned(&message, "IMAGE_SIZE_EXCEEDED"));
    }
    let Ok(bytes) = STANDARD.decode(encoded) else {
        return findings.improper("image", source, "not standard base64 with padding");
    };
    let declared = text(image, "format");
    let Some(picture) = picture(&bytes) else {
        let refusal = reasoned("Could not process image.", "IMAGE_FORMAT_UNSUPPORTED");
        return findings.broken("image", source, "no gif, jpeg, png or webp", refusal);
    };
    if picture.format != declared {
        let refusal = reasoned("The image does not match its format.", "IMAGE_MIME_MISMATCH");
        findings.broken(
            "image",
            format!("{path}.format"),
            format!("\"{declared}\", but the bytes are {}", picture.format),
            refusal,
        );
    }
    if picture.width.max(picture.height) > limits.image_pixels {
        let refusal = reasoned("The image dimensions exceed the maximum.", "IMAGE_DIMENSION_EXCEEDED");
        findings.broken(
            "image",
            source,
            format!("{} x {} pixels, the limit is {}", picture.width, picture.height, limits.image_pixels),
            refusal,
        );
    }
}

/// Format and size from a picture's header.
fn picture(bytes: &[u8]) -> Option<Picture> {
    let format = match imagesize::image_type(bytes).ok()? {
        imagesize::ImageType::Gif => "gif",
        imagesize::ImageType::Jpeg => "jpeg",
        imagesize::ImageType::Png => "png",
        imagesize::ImageType::Webp => "webp",
        _ => return None,
    };
    let size = imagesize::blob_size(bytes).ok()?;
    Some(Picture { format, width: size.width, height: size.height })
}

/// The pictures of the current message, as their bytes describe themselves.
pub(crate) fn pictures(body: &Value) -> Vec<Picture> {
    let images = current(body).map(|user| list(user, "images")).unwrap_or_default();
    images.iter().filter_map(|image| picture(&STANDARD.decode(bytes_of(image)).ok()?)).collect()
}

fn check_document(document: &Value, path: &str, limits: &Limits, findings: &mut Findings) {
    let source = format!("{path}.source.bytes");
    let Ok(bytes) = STANDARD.decode(bytes_of(document)) else {
        return findings.improper("document", source, "not standard base64 with padding");
    };
    if bytes.is_empty() || text(document, "name").is_empty() {
        findings.improper("document", path, "an empty document, or one without a name");
    }
    if bytes.len() > limits.document_bytes {
        let refusal = reasoned("The document is too large.", "DOCUMENT_SIZE_EXCEEDED");
        findings.broken(
            "document",
            &source,
            format!("{} bytes, the limit is {}", bytes.len(), limits.document_bytes),
            refusal,
        );
    }
    let magic: &[u8] = match text(document, "format") {
        "pdf" => b"%PDF",
        "docx" | "xlsx" => b"PK\x03\x04",
        "doc" | "xls" => b"\xD0\xCF\x11\xE0",
        _ => b"",
    };
    if !bytes.starts_with(magic) {
        findings.improper("document", &source, "the bytes are not of the declared format");
    }
    if bytes.starts_with(b"%PDF") && bytes.windows(8).any(|window| window == b"/Encrypt") {
        let refusal = reasoned("The document is password protected.", "DOCUMENT_PASSWORD_PROTECTED");
        findings.broken("document", source, "encrypted", refusal);
    }
}

fn reasoned(message: &str, reason: &str) -> Refusal {
    Refusal::validation(message).because(reason)
}
