//! Pictures that lie elsewhere, for every dialect.

use std::borrow::Cow;
use std::cell::RefCell;

use crate::dialect::read::Path;
use crate::dialect::{Fetched, Need, media};
use crate::error::Error;
use crate::turn::Image;

/// Lends what was fetched and gathers what is still to be.
#[derive(Debug)]
pub(crate) struct Pictures<'a> {
    fetched: &'a [Fetched],
    needs: RefCell<Vec<Need>>,
}

impl<'a> Pictures<'a> {
    /// With what was fetched so far.
    pub(crate) fn new(fetched: &'a [Fetched]) -> Self {
        Self { fetched, needs: RefCell::default() }
    }

    /// The picture of a URL that stands at `path`: a data URL, or one of http(s). One that is not fetched yet
    /// becomes a need, once for each address; a picture of unknown size stands in for it, which is good enough
    /// to estimate and for nothing else.
    ///
    /// # Errors
    /// Another kind of URL, and what is no picture the service takes.
    pub(crate) fn image(&self, url: Cow<'a, str>, path: &Path<'_>) -> Result<Image<'a>, Error> {
        let begins = |scheme: &str| {
            let head = url.trim_start().as_bytes().get(..scheme.len());
            head.is_some_and(|head| head.eq_ignore_ascii_case(scheme.as_bytes()))
        };
        if begins("data:") {
            return media::image(url, path);
        }
        if !begins("http://") && !begins("https://") {
            return Err(path.invalid("must be a data URL in base64 (data:image/png;base64,…) or an http(s) URL"));
        }
        if let Some(found) = self.fetched.iter().find(|fetched| fetched.url == url) {
            return media::image(Cow::Borrowed(&found.base64), path);
        }
        let mut needs = self.needs.borrow_mut();
        if !needs.iter().any(|need| matches!(need, Need::Image { url: known, .. } if *known == url)) {
            needs.push(Need::Image { url: url.into_owned(), path: path.to_string() });
        }
        Ok(Image { format: "png", base64: Cow::Borrowed(""), size: None })
    }

    /// What is still to be fetched, in the order of the request.
    pub(crate) fn needs(self) -> Vec<Need> {
        self.needs.into_inner()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PNG: &str =
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

    #[test]
    fn a_picture_comes_from_its_url_or_is_needed_once() {
        let fetched = [Fetched { url: "https://a/b.png".to_owned(), base64: PNG.to_owned() }];
        let pictures = Pictures::new(&fetched);
        let path = Path::Root.key("url");
        let inline = format!("DATA:image/png;base64,{PNG}");
        assert_eq!(pictures.image(inline.into(), &path).unwrap().base64, PNG);
        assert_eq!(pictures.image("https://a/b.png".into(), &path).unwrap().base64, PNG);
        for _ in 0..2 {
            assert_eq!(pictures.image("http://a/c.png".into(), &path).unwrap().base64, "");
        }
        for wrong in ["", "file:///etc/passwd", "ftp://a", PNG, "data:image/png,x"] {
            assert_eq!(pictures.image(wrong.into(), &path).unwrap_err().path(), Some("url"), "{wrong}");
        }
        assert_eq!(pictures.needs(), [Need::Image { url: "http://a/c.png".to_owned(), path: "url".to_owned() }]);
    }
}
