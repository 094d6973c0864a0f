//! Headers between the platform's object and the core's list.

use js_sys::Array;
use kiro2api_core::host::Headers;
use wasm_bindgen::{JsCast, JsValue};

/// The platform's object; an error when a name or a value is not a header's.
pub(crate) fn build(headers: &Headers) -> Result<web_sys::Headers, JsValue> {
    let object = web_sys::Headers::new()?;
    headers.iter().try_for_each(|(name, value)| object.append(name, value))?;
    Ok(object)
}

/// The core's list; the platform gives names in lower case and joins repeated ones.
pub(crate) fn read(object: &web_sys::Headers) -> Headers {
    let entries = js_sys::try_iter(object).ok().flatten().into_iter().flatten();
    entries
        .filter_map(|entry| {
            let pair: Array = entry.ok()?.unchecked_into();
            Some((pair.get(0).as_string()?.into(), pair.get(1).as_string()?))
        })
        .collect()
}
