use super::*;

fn read(values: &[(&str, &str)]) -> Config {
    Config::read(&|name| values.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
}

const KEY: (&str, &str) = ("KIRO_CLIENT_TOKEN", "one");
const ACCOUNT: (&str, &str) = ("AWS_REFRESHTOKEN", "aor-0123456789-0123456789-0123456789");

#[test]
fn nothing_set_names_both_secrets() {
    let problems = read(&[]).problems;
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert!(problems.iter().any(|text| text.contains("KIRO_CLIENT_TOKEN")));
    assert!(problems.iter().any(|text| text.contains("KIRO_AUTH_TOKEN")));
}

#[test]
fn a_key_and_an_account_are_enough() {
    let config = read(&[KEY, ACCOUNT]);
    assert_eq!((config.problems, config.notes, config.credentials.len()), (vec![], vec![], 1));
    assert_eq!(config.deadlines.stream, Millis::mins(30));
    assert_eq!(config.account_max_concurrent, None);
    assert_eq!(read(&[KEY, ACCOUNT, ("ACCOUNT_MAX_CONCURRENT", " 10000 ")]).account_max_concurrent, Some(10_000));
    assert_eq!(config.cors, Origins::Any);
}

#[test]
fn every_value_that_cannot_be_read_is_named_without_its_value() {
    for (name, value) in [
        ("KIRO_CLIENT_TOKEN", "[{\"key\":\"hush\",\"rpm\":5}]"),
        ("KIRO_AUTH_TOKEN", "{hush"),
        ("TOKEN_SELECTION_STRATEGY", "hush"),
        ("ACCOUNT_MAX_CONCURRENT", "hush"),
        ("ACCOUNT_MAX_CONCURRENT", "0"),
        ("ACCOUNT_MAX_CONCURRENT", "10001"),
        ("ACCOUNT_MAX_CONCURRENT", "1.5"),
        ("TOKEN_REFRESH_TIMEOUT", "hush"),
        ("TOKEN_REFRESH_TIMEOUT", "-1s"),
        ("TOKEN_STORE_KEY", "hush"),
        ("KIRO_API_BASE", "hush"),
        ("KIRO_REGION", "hush!"),
        ("IMAGE_URLS", "hush/"),
        ("MODEL_MAP", "{hush"),
        ("MODEL_MAP", "[\"hush\"]"),
        ("REQUEST_TIMEOUT_MINUTES", "hush"),
        ("SIMPLE_REQUEST_TIMEOUT_MINUTES", "0"),
        ("STREAM_REQUEST_TIMEOUT_MINUTES", "1e9"),
        ("SERVER_READ_TIMEOUT_MINUTES", "NaN"),
        ("RESPONSES_STORE", "hush"),
        ("RESPONSES_TTL_HOURS", "hush"),
        ("RESPONSES_TTL_HOURS", "0"),
        ("RESPONSES_TTL_HOURS", "8761"),
    ] {
        let set = [(name, value), KEY, ACCOUNT];
        let config = read(&set);
        let problems = [config.problems, config.left_out].concat();
        assert!(problems.iter().any(|text| text.contains(name)), "{name}={value}: {problems:?}");
        assert!(!problems.iter().any(|text| text.contains("hush")), "{name}: {problems:?}");
    }
}

#[test]
fn a_wrong_account_is_named_and_the_others_serve() {
    let social = r#"{"refreshToken":"aor-0123456789-0123456789"}"#;
    let off = r#"{"refreshToken":"aor-0123456789-0123456789","disabled":true}"#;
    for (tokens, list, serving, wrong) in [
        (format!(r#"[{{"refreshToken":"hush"}},{social}]"#), None, 1, "KIRO_AUTH_TOKEN[0].refreshToken"),
        (format!(r#"[{social},"hush"]"#), None, 1, "KIRO_AUTH_TOKEN[1]"),
        (social.to_owned(), Some("hush"), 1, "AWS_REFRESHTOKEN[0]"),
        (social.to_owned(), Some("aor-1,hush,aor-9876543210-9876543210"), 2, "AWS_REFRESHTOKEN[1]"),
        ("{hush".to_owned(), Some(ACCOUNT.1), 1, "KIRO_AUTH_TOKEN: "),
    ] {
        let mut set = vec![KEY, ("KIRO_AUTH_TOKEN", tokens.as_str())];
        set.extend(list.map(|list| ("AWS_REFRESHTOKEN", list)));
        let config = read(&set);
        assert_eq!((config.problems.len(), config.credentials.len()), (0, serving), "{tokens}");
        assert!(config.left_out.iter().any(|text| text.starts_with(wrong)), "{wrong}: {:?}", config.left_out);
        assert!(!config.left_out.iter().any(|text| text.contains("hush")), "{:?}", config.left_out);
    }
    let config = read(&[KEY, ("KIRO_AUTH_TOKEN", &format!(r#"[{off},{{"refreshToken":"hush"}}]"#))]);
    assert!(config.problems[0].starts_with("KIRO_AUTH_TOKEN[1].refreshToken"), "{:?}", config.problems);
    assert!(config.left_out.is_empty(), "none is left that could serve");
}

#[test]
fn a_value_that_lies_out_of_reach_is_told_apart_from_one_that_is_not_set() {
    for secret in ["KIRO_CLIENT_TOKEN", "KIRO_AUTH_TOKEN", "TOKEN_STORE_KEY"] {
        let config = Config::read_with(&|name| match name {
            _ if name == secret => Err("no answer in time".into()),
            _ => Ok([KEY, ACCOUNT].iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())),
        });
        assert_eq!(config.problems, [format!("{secret} cannot be read: no answer in time")]);
        assert!(config.unread);
    }
    let config = read(&[("KIRO_AUTH_TOKEN", "{hush")]);
    assert!(!config.unread && !config.problems.is_empty());
}

#[test]
fn what_has_no_effect_is_said_and_does_not_stop_the_gateway() {
    let config = read(&[KEY, ACCOUNT, ("GIN_MODE", "release"), ("LOG_LEVEL", "debug")]);
    assert_eq!(config.problems, Vec::<String>::new());
    assert_eq!(config.notes.len(), 2);
}

#[test]
fn the_idle_deadline_is_the_shorter_of_the_two_that_are_set() {
    let (read_at, write_at) = ("SERVER_READ_TIMEOUT_MINUTES", "SERVER_WRITE_TIMEOUT_MINUTES");
    for (set, idle) in [
        (vec![], Millis::mins(5)),
        (vec![(read_at, "30")], Millis::mins(30)),
        (vec![(write_at, "12")], Millis::mins(12)),
        (vec![(read_at, "30"), (write_at, "16")], Millis::mins(16)),
    ] {
        assert_eq!(read(&set).deadlines.idle, idle, "{set:?}");
    }
}

#[test]
fn answers_are_kept_for_a_day_unless_it_is_said_otherwise() {
    let kept = |set: &[(&str, &str)]| read(&[set, &[KEY, ACCOUNT]].concat()).responses_kept;
    assert_eq!(kept(&[]), Some(Millis::mins(24 * 60)));
    assert_eq!(kept(&[("RESPONSES_STORE", "On"), ("RESPONSES_TTL_HOURS", "0.5")]), Some(Millis::mins(30)));
    for off in ["off", "FALSE", "0", "no"] {
        assert_eq!(kept(&[("RESPONSES_STORE", off)]), None, "{off}");
    }
}

#[test]
fn durations_and_minutes_take_decimals_and_units() {
    let of = |text| duration(text).ok();
    assert_eq!(
        [of("10s"), of("500ms"), of("1m"), of("2.5")],
        [Some(Millis(10_000)), Some(Millis(500)), Some(Millis(60_000)), Some(Millis(2_500))]
    );
    assert_eq!([of("1h"), of("s"), of(""), of("1e400")], [None; 4]);
    assert_eq!(minutes("0.05"), Ok(Millis(3_000)));
}
