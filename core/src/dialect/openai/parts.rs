//! Files, and how closely pictures are looked at.

use std::borrow::Cow;

use crate::dialect::media;
use crate::dialect::read::{Members, Path};
use crate::error::Error;
use crate::turn::Part;

/// How closely a picture is looked at: taken in every documented spelling, without effect.
///
/// # Errors
/// Any other value.
pub(in crate::dialect) fn detail(members: &Members<'_>, path: &Path<'_>) -> Result<(), Error> {
    match members.string("detail", path)?.as_deref() {
        None | Some("auto" | "low" | "high" | "original") => Ok(()),
        Some(_) => Err(path.key("detail").invalid("must be \"auto\", \"low\", \"high\" or \"original\"")),
    }
}

/// A file: the object that holds `file_data` and `filename`.
///
/// # Errors
/// A file that lies elsewhere (`file_id`, `file_url`), and a type the service does not take.
pub(in crate::dialect) fn file<'a>(file: &Members<'a>, path: &Path<'_>) -> Result<Part<'a>, Error> {
    let name = file.string("filename", path)?.filter(|name| !name.trim().is_empty());
    let Some(data) = file.string("file_data", path)? else {
        let elsewhere = if file.string("file_url", path)?.is_some() { "file_url" } else { "file_id" };
        return Err(match file.string(elsewhere, path)? {
            Some(_) => path.key(elsewhere).invalid(
                "this gateway keeps and fetches no files: send the content as file_data \
                 (data:application/pdf;base64,…)",
            ),
            None => path.key("file_data").invalid("is required"),
        });
    };
    let at = path.key("file_data");
    let declared = media_type(&data).map(str::to_owned);
    if declared.as_deref().is_some_and(|media_type| starts_with(media_type, "image/")) {
        return Ok(Part::Image(media::image(data, &at)?));
    }
    let (stem, extension) = split_name(name);
    let format = declared.as_deref().and_then(media::document_format).or_else(|| by_extension(&extension));
    let format = format.ok_or_else(|| {
        at.invalid("is of no document type the service takes: PDF, text, HTML, Markdown, CSV, Word or Excel")
    })?;
    let base64 = media::base64(media::strip_data_url(data, &at)?, &at)?;
    Ok(Part::Document { name: stem, format: Cow::Borrowed(format), base64 })
}

/// The media type that a data URL declares.
fn media_type(data: &str) -> Option<&str> {
    let head = data.get(5..)?.split_once(',')?.0;
    starts_with(data, "data:").then(|| head.split(';').next().unwrap_or("").trim())
}

/// A file's name without its extension, and the extension in lower case.
fn split_name(name: Option<Cow<'_, str>>) -> (Cow<'_, str>, String) {
    let Some(name) = name else { return (Cow::Borrowed("document"), String::new()) };
    match name.rsplit_once('.') {
        Some((stem, extension)) if !stem.is_empty() => (Cow::Owned(stem.to_owned()), extension.to_ascii_lowercase()),
        _ => (name, String::new()),
    }
}

fn by_extension(extension: &str) -> Option<&'static str> {
    Some(match extension {
        "pdf" => "pdf",
        "txt" | "text" | "log" => "txt",
        "htm" | "html" => "html",
        "md" | "markdown" => "md",
        "csv" => "csv",
        "doc" => "doc",
        "docx" => "docx",
        "xls" => "xls",
        "xlsx" => "xlsx",
        _ => return None,
    })
}

fn starts_with(text: &str, scheme: &str) -> bool {
    text.get(..scheme.len()).is_some_and(|head| head.eq_ignore_ascii_case(scheme))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file_of(json: &str) -> Result<Part<'_>, Error> {
        let path = Path::Root.key("file");
        file(&Members::of(serde_json::from_str(json).unwrap(), &path).unwrap(), &path)
    }

    #[test]
    fn a_file_is_a_document_by_its_declared_type_or_its_name() {
        for (json, name, format) in [
            (r#"{"file_data":"data:application/pdf;base64,QUJD","filename":"a.b.pdf"}"#, "a.b", "pdf"),
            (r#"{"file_data":"data:;base64,QUJD","filename":"notes.MD"}"#, "notes", "md"),
            (r#"{"file_data":"QUJD","filename":"t.xlsx"}"#, "t", "xlsx"),
            (r#"{"file_data":"data:text/csv;base64,QUJD"}"#, "document", "csv"),
        ] {
            let Part::Document { name: told, format: found, base64 } = file_of(json).unwrap() else { panic!("{json}") };
            assert_eq!((&*told, &*found, &*base64), (name, format, "QUJD"));
        }
        let picture = r#"{"file_data":"data:image/png;base64,iVBORw0KGgo="}"#;
        assert!(matches!(file_of(picture).unwrap(), Part::Image(_)));
    }

    #[test]
    fn a_file_that_is_elsewhere_or_of_no_known_type_is_refused_by_its_path() {
        for (json, path) in [
            (r#"{"file_id":"file-1"}"#, "file.file_id"),
            (r#"{"file_url":"https://a/b.pdf"}"#, "file.file_url"),
            (r#"{"filename":"a.pdf"}"#, "file.file_data"),
            (r#"{"file_data":7}"#, "file.file_data"),
            (r#"{"file_data":"data:application/zip;base64,QUJD","filename":"a.zip"}"#, "file.file_data"),
            (r#"{"file_data":"data:application/pdf;base64,!","filename":"a.pdf"}"#, "file.file_data"),
            (r#"{"file_data":"QUJD","filename":[]}"#, "file.filename"),
        ] {
            assert_eq!(file_of(json).unwrap_err().path(), Some(path), "{json}");
        }
    }
}
