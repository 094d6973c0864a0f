use super::*;

const NOW: Millis = Millis::secs(1_800_000_000);

fn check(headers: &[(&'static str, &str)]) -> Result<String, Kind> {
    let keys = ClientKeys::parse(" one, two ,").unwrap();
    let headers = headers.iter().map(|&(name, value)| (name.into(), value.to_owned())).collect();
    keys.check(&headers, NOW).map(|caller| caller.label().to_owned()).map_err(|error| error.kind())
}

#[test]
fn a_key_is_taken_from_either_header_in_any_scheme_case() {
    assert_eq!(check(&[("x-api-key", "one")]), Ok("key-1".into()));
    assert_eq!(check(&[("authorization", "Bearer two")]), Ok("key-2".into()));
    assert_eq!(check(&[("authorization", "bEARER   two ")]), Ok("key-2".into()));
    assert_eq!(check(&[("x-api-key", "stale"), ("authorization", "Bearer two")]), Ok("key-2".into()));
}

#[test]
fn no_key_an_unknown_key_and_another_scheme_are_refused() {
    for headers in [
        vec![],
        vec![("x-api-key", "three")],
        vec![("x-api-key", "")],
        vec![("authorization", "Basic one")],
        vec![("authorization", "one")],
    ] {
        assert_eq!(check(&headers), Err(Kind::Unauthenticated), "{headers:?}");
    }
}

#[test]
fn an_empty_list_has_no_key_that_opens() {
    for list in ["", " , ", "[]"] {
        assert!(ClientKeys::parse(list).unwrap().is_empty(), "{list}");
    }
    assert!(ClientKeys::default().check(&vec![("x-api-key".into(), String::new())], NOW).is_err());
}

#[test]
fn debug_shows_only_how_many() {
    assert_eq!(format!("{:?}", ClientKeys::parse("one,two").unwrap()), "ClientKeys(2)");
}

/// What the key `one` may do in this configuration.
fn one<T>(list: &str, look: impl FnOnce(Caller<'_>) -> T) -> T {
    let keys = ClientKeys::parse(list).unwrap_or_else(|error| panic!("{list}: {error}"));
    look(keys.check(&vec![("x-api-key".into(), "one".to_owned())], NOW).unwrap())
}

fn scopes(list: &str) -> Vec<&'static str> {
    one(list, |caller| Scope::ALL.into_iter().filter(|scope| caller.has(*scope)).map(Scope::word).collect())
}

#[test]
fn a_key_has_the_scopes_it_is_given_and_else_the_usual_ones() {
    assert_eq!(scopes("one"), ["use", "metrics"]);
    assert_eq!(scopes(r#"{"key":"one"}"#), ["use", "metrics"]);
    assert_eq!(scopes(r#"[{"key":"one","scopes":["admin"]}]"#), ["admin"]);
    assert_eq!(scopes(r#"[{"key":"one","scopes":["use","use","admin","metrics"]}]"#), ["use", "metrics", "admin"]);
    let error =
        one(r#"[{"key":"one","scopes":["use"]}]"#, |caller| caller.check_scope(&[Scope::Metrics, Scope::Admin]));
    let error = error.unwrap_err();
    assert_eq!(error.kind(), Kind::Forbidden);
    assert!(error.text().contains("`metrics` or `admin`") && error.text().ends_with("has use"), "{error}");
}

#[test]
fn a_key_may_be_given_as_its_digest_with_a_name_and_models() {
    let hex: String = digest("one").iter().map(|byte| format!("{byte:02X}")).collect();
    let list = format!(r#"[{{"key":"two"}},{{"sha256":"{hex}","label":" laptop ","models":["a"," b "]}}]"#);
    one(&list, |caller| {
        assert_eq!((caller.label(), caller.models()), ("laptop", Some(&["a".to_owned(), "b".to_owned()][..])));
    });
    let keys = ClientKeys::parse(&list).unwrap();
    assert_eq!(keys.models().collect::<Vec<_>>(), [("laptop", 0, "a"), ("laptop", 1, "b")]);
    assert_eq!(one(r#"[{"key":"two"},{"key":"one"}]"#, |caller| caller.label().to_owned()), "key-2");
}

#[test]
fn a_key_opens_until_it_expires_and_another_one_is_taken_before_an_expired_one() {
    let ends = |text: &str| one(&format!(r#"{{"key":"one","expires":"{text}"}}"#), |caller| caller.check_term(NOW));
    assert_eq!(ends("2027-01-15T08:00:01Z"), Ok(()));
    assert_eq!(ends("2027-01-16"), Ok(()));
    for over in ["2027-01-15T08:00:00Z", "2027-01-15"] {
        let error = ends(over).unwrap_err();
        assert_eq!(error.kind(), Kind::Unauthenticated);
        assert!(error.text().contains("has expired"), "{error}");
    }
    let keys = ClientKeys::parse(r#"[{"key":"one","expires":"2020-01-01"},{"key":"two"}]"#).unwrap();
    let both = vec![("x-api-key".into(), "one".to_owned()), ("authorization".into(), "Bearer two".to_owned())];
    assert_eq!(keys.check(&both, NOW).unwrap().label(), "key-2");
}

#[test]
fn every_wrong_form_is_named_by_index_and_field_and_no_value_is_shown() {
    for (list, told) in [
        ("[", "is not valid JSON"),
        ("{hush", "is not valid JSON"),
        (r#"["hush"]"#, "[0]: "),
        ("[{\"key\":\"a\"},7]", "[1]: "),
        ("[null]", "[0]: "),
        ("[[]]", "[0]: "),
        ("{}", "key: is missing"),
        ("[{}]", "[0].key: is missing"),
        (r#"[{"key":""}]"#, "[0].key: give"),
        (r#"[{"key":"hush hush"}]"#, "[0].key: give"),
        (r#"[{"key":7}]"#, "[0].key: expected"),
        (r#"[{"key":["hush"]}]"#, "[0].key: expected"),
        (r#"[{"sha256":"hush"}]"#, "[0].sha256: give"),
        (r#"[{"key":"hush","sha256":"hush"}]"#, "[0].sha256: give `key` or"),
        (r#"{"key":"hush","label":""}"#, "label: give"),
        (r#"[{"key":"hush","label":"a\nb"}]"#, "[0].label: give"),
        (r#"[{"key":"hush","label":"hush"}]"#, "[0].label: is the key"),
        (r#"[{"key":"hush","label":"unknown"}]"#, "[0].label: is what"),
        (r#"[{"key":"hush","label":5}]"#, "[0].label: expected"),
        (r#"[{"key":"hush","scopes":"use"}]"#, "[0].scopes: expected"),
        (r#"[{"key":"hush","scopes":[]}]"#, "[0].scopes: give"),
        (r#"[{"key":"hush","scopes":["use","hush"]}]"#, "[0].scopes[1]: expected"),
        (r#"[{"key":"hush","scopes":[1]}]"#, "[0].scopes[0]: expected"),
        (r#"[{"key":"hush","models":[]}]"#, "[0].models: name"),
        (r#"[{"key":"hush","models":["a",""]}]"#, "[0].models[1]: is empty"),
        (r#"[{"key":"hush","models":{}}]"#, "[0].models: expected"),
        (r#"[{"key":"hush","expires":"hush"}]"#, "[0].expires: give"),
        (r#"[{"key":"hush","expires":"2027-02-30"}]"#, "[0].expires: give"),
        (r#"[{"key":"hush","expires":1800000000}]"#, "[0].expires: expected"),
        (r#"[{"key":"hush","rpm":10}]"#, "[0].rpm: is not supported by this version"),
        (r#"{"key":"hush","max_concurrent":10}"#, "max_concurrent: is not supported by this version"),
        (r#"[{"key":"hush","scope":["use"]}]"#, "unknown field `scope`"),
        (r#"[{"sk-hush-0123":{"scopes":["use"]}}]"#, "[0]: has a field that is not known, expected one of `key`"),
        (r#"{"sk-hush-0123":"boss"}"#, "has a field that is not known, expected one of `key`"),
        (r#"[{"key":"hush","key":"hush2"}]"#, "duplicate field `key`"),
        (r#"[{"key":"hush"},{"key":"hush"}]"#, "[1].key: is the same key"),
        (r#"[{"key":"hush","label":"x"},{"key":"b","label":"x"}]"#, "[1].label: is the same"),
        (r#"[{"key":"hush"},{"key":"b","label":"key-1"}]"#, "[1].label: is the same"),
    ] {
        let error = ClientKeys::parse(list).unwrap_err();
        assert!(error.contains(told), "{list}: {error}");
        assert!(!error.contains("hush") && !error.contains("1800000000"), "{list}: {error}");
    }
    let both = ClientKeys::parse(r#"[{"key":"a","rpm":1},{"key":"b"},{"label":"c"}]"#).unwrap_err();
    assert!(both.contains("[0].rpm") && both.contains("[2].key"), "all at once: {both}");
}
