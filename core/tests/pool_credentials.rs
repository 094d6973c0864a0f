//! What operators write into `KIRO_AUTH_TOKEN`, `AWS_REFRESHTOKEN` and `TOKEN_STORE_KEY`.
#![allow(clippy::unwrap_used, reason = "a value that cannot be read fails the test")]

use kiro2api_core::place::is_profile_arn;
use kiro2api_core::pool::{Login, Parsed, Strategy, parse};
use kiro2api_core::seal::Sealing;
use kiro2api_core::secret::Secret;

const TOKEN: &str = "aor-a-refresh-token-that-is-long-enough";
const ARN: &str = "arn:aws:codewhisperer:us-east-1:699475941385:profile/EHGA3GRVQMUK";

fn only_problem(parsed: Parsed) -> String {
    assert_eq!(parsed.problems.len(), 1, "{:?}", parsed.problems);
    parsed.problems.into_iter().next().unwrap()
}

#[test]
fn the_originals_object_and_array_are_read() {
    let one = format!(r#"{{"auth":"Social","refreshToken":"{TOKEN}","unknown":{{"a":[1]}}}}"#);
    let one = parse(Some(&one), None);
    assert_eq!(one.credentials.len(), 1);
    assert_eq!(one.credentials[0].login, Login::Social);
    assert_eq!(one.credentials[0].secret, Secret::new(TOKEN));
    assert!(one.notes.is_empty());

    let many = format!(
        r#" [{{"auth":"idc","refreshToken":" {TOKEN}\n","clientId":"cid","clientSecret":"csecret","region":"eu-west-1",
              "profileArn":"{ARN}","description":"the team's","priority":-3,"disabled":true}},
             {{"auth":"ApiKey","refreshToken":"ksk_0123456789","label":"key"}}] "#
    );
    let many = parse(Some(&many), Some("social-refresh-token-one, social-refresh-token-two,")).credentials;
    assert_eq!(many.len(), 4);
    let idc = &many[0];
    assert_eq!(idc.login, Login::Idc { client_id: "cid".into(), client_secret: Secret::new("csecret") });
    assert_eq!(idc.secret, Secret::new(TOKEN));
    assert_eq!((idc.region.as_deref(), idc.profile_arn.as_deref()), (Some("eu-west-1"), Some(ARN)));
    assert_eq!((idc.label.as_str(), idc.priority, idc.disabled), ("the team's", -3, true));
    assert_eq!((&many[1].login, many[1].label.as_str()), (&Login::ApiKey, "key"));
    assert_eq!(many[3].secret, Secret::new("social-refresh-token-two"));
    assert_eq!(many[3].label, format!("social-{}", &many[3].id[..6]));
}

#[test]
fn the_desktop_clients_cache_file_is_read() {
    let file = format!(
        r#"{{"accessToken":"aoa","refreshToken":"{TOKEN}","profileArn":"{ARN}","expiresAt":"2026-11-21T10:00:00.000Z",
            "authMethod":"social","provider":"Github"}}"#
    );
    let read = parse(Some(&file), None).credentials;
    assert_eq!(read[0].login, Login::Social);
    assert_eq!(read[0].profile_arn.as_deref(), Some(ARN));

    let idc = format!(r#"{{"refreshToken":"{TOKEN}","provider":"BuilderId","clientIdHash":"0a1b"}}"#);
    let error = only_problem(parse(Some(&idc), None));
    assert!(error.starts_with("KIRO_AUTH_TOKEN.clientId: is missing"), "{error}");
    assert!(error.contains("~/.aws/sso/cache"), "{error}");
}

#[test]
fn ids_are_stable_short_and_say_nothing() {
    let id = |token: &str| parse(None, Some(token)).credentials[0].id.clone();
    assert_eq!(id(TOKEN), id(TOKEN));
    assert_ne!(id(TOKEN), id("another-refresh-token-of-length"));
    assert!(id(TOKEN).len() == 16 && id(TOKEN).bytes().all(|byte| byte.is_ascii_hexdigit()));
    let labelled = format!(r#"{{"refreshToken":"{TOKEN}","label":"x","region":"us-east-1"}}"#);
    assert_eq!(parse(Some(&labelled), None).credentials[0].id, id(TOKEN), "only the secret counts");
}

#[test]
fn every_error_names_its_path_and_no_value() {
    // Whatever stands in a value holds this word, and no error may.
    let cases = [
        (r#"{"auth":"Social"}"#, "KIRO_AUTH_TOKEN.refreshToken: is missing"),
        (r#"[{"auth":"Social","refreshToken":""}]"#, "KIRO_AUTH_TOKEN[0].refreshToken: is missing"),
        (r#"[{"refreshToken":"hush-hush"}]"#, "KIRO_AUTH_TOKEN[0].refreshToken: is 9 characters long"),
        (r#"{"refreshToken":"hush0123456789...0123456789"}"#, "KIRO_AUTH_TOKEN.refreshToken: holds an ellipsis"),
        (r#"{"refreshToken":"hush0123456789…0123456789"}"#, "KIRO_AUTH_TOKEN.refreshToken: holds an ellipsis"),
        (r#"{"refreshToken":"hush0123456789 0123456789"}"#, "KIRO_AUTH_TOKEN.refreshToken: holds a blank"),
        (r#"{"auth":"hush","refreshToken":"x"}"#, "KIRO_AUTH_TOKEN.auth: expected Social, IdC or ApiKey"),
        (r#"{"authMethod":"hush"}"#, "KIRO_AUTH_TOKEN.authMethod: expected Social"),
        (r#"[{"auth":"IdC","refreshToken":"hush0123456789012345"}]"#, "KIRO_AUTH_TOKEN[0].clientId: is missing"),
        (
            r#"[{"auth":"IdC","refreshToken":"hush0123456789012345","clientId":"hush"}]"#,
            "KIRO_AUTH_TOKEN[0].clientSecret: is missing",
        ),
        (r#"{"auth":"ApiKey"}"#, "KIRO_AUTH_TOKEN.apiKey: is missing"),
        (r#"{"auth":"ApiKey","apiKey":"hush"}"#, "KIRO_AUTH_TOKEN.apiKey: is 4 characters long"),
        (r#"{"refreshToken":"hush0123456789012345","region":"hush.evil.example"}"#, "KIRO_AUTH_TOKEN.region: expected"),
        (r#"{"refreshToken":"hush0123456789012345","region":"us-east-1/hush"}"#, "KIRO_AUTH_TOKEN.region: expected"),
        (r#"{"refreshToken":"hush0123456789012345","profileArn":"arn:hush"}"#, "KIRO_AUTH_TOKEN.profileArn: expected"),
        (
            r#"{"refreshToken":"hush0123456789012345","label":"my hush0123456789012345"}"#,
            "KIRO_AUTH_TOKEN.label: holds the token itself",
        ),
        (r#"{"refreshToken":"hush0123456789012345","description":"hush\u0007"}"#, "KIRO_AUTH_TOKEN.description: exp"),
        (r#"[{"refreshToken":"hush0123456789012345"},{"refreshToken":17}]"#, "KIRO_AUTH_TOKEN[1].refreshToken: exp"),
        (r#"{"refreshToken":"x","priority":"hush"}"#, "KIRO_AUTH_TOKEN.priority: expected i32"),
        (r#"{"refreshToken":"x","priority":"a, expected hush"}"#, "KIRO_AUTH_TOKEN.priority: expected i32"),
        (r#"{"refreshToken":"x","disabled":"hush"}"#, "KIRO_AUTH_TOKEN.disabled: expected a boolean"),
        (r#"["hush0123456789012345"]"#, "KIRO_AUTH_TOKEN[0]: expected "),
        (r#"{"refreshToken":"hush"#, "KIRO_AUTH_TOKEN: is not valid JSON (EOF while parsing"),
        (r#"{"refreshToken":"hush","refreshToken":"hush"}"#, "KIRO_AUTH_TOKEN: duplicate field `refreshToken`"),
        (r#"'{"refreshToken":"hush"}'"#, "KIRO_AUTH_TOKEN: begins with a quote"),
        ("/run/secrets/hush.json", "KIRO_AUTH_TOKEN: is not JSON; when it names a file"),
        ("hush0123456789012345", "KIRO_AUTH_TOKEN: expected a JSON object or array"),
    ];
    for (text, expected) in cases {
        let parsed = parse(Some(text), None);
        let error = &parsed.problems[0];
        assert!(error.starts_with(expected), "{text}\n got {error}\nwant {expected}");
        assert!(!error.contains("hush"), "{error}");
    }
    let parsed = parse(None, Some("hush0123456789012345,hush"));
    let error = only_problem(parsed);
    assert!(error.starts_with("AWS_REFRESHTOKEN[1]: is 4 characters") && !error.contains("hush"), "{error}");
}

#[test]
fn a_wrong_entry_of_any_form_is_left_out_and_the_others_stay() {
    let good = format!(r#"{{"refreshToken":"{TOKEN}"}}"#);
    for (wrong, field) in [
        ("17", ": expected"),
        ("null", ": expected"),
        (r#""a-token-outside-of-an-object""#, ": expected"),
        ("[]", ": expected an object"),
        ("{}", ".refreshToken: is missing"),
        (r#"{"refreshToken":"short"}"#, ".refreshToken: is 5"),
        (r#"{"refreshToken":{"a":1}}"#, ".refreshToken: expected"),
        (r#"{"refreshToken":"a","refreshToken":"b"}"#, ": duplicate field"),
        (r#"{"auth":"IdC","refreshToken":"refresh-token-number-1"}"#, ".clientId: is missing"),
        (r#"{"auth":"ApiKey"}"#, ".apiKey: is missing"),
        (r#"{"auth":"Cookie"}"#, ".auth: expected"),
        (r#"{"refreshToken":"refresh-token-number-1","region":"nowhere"}"#, ".region: expected"),
        (r#"{"refreshToken":"refresh-token-number-1","profileArn":"arn"}"#, ".profileArn: expected"),
        (r#"{"refreshToken":"refresh-token-number-1","priority":1.5}"#, ".priority: expected"),
        (r#"{"refreshToken":"refresh-token-number-1","disabled":"no"}"#, ".disabled: expected"),
    ] {
        let parsed = parse(Some(&format!("[{good},{wrong},{wrong}]")), Some("social-refresh-token-one,bad,"));
        let labels: Vec<_> = parsed.credentials.iter().map(|credential| credential.secret.reveal()).collect();
        assert_eq!(labels, [TOKEN, "social-refresh-token-one"], "{wrong}");
        let starts: Vec<_> = [1, 2].map(|at| format!("KIRO_AUTH_TOKEN[{at}]{field}")).into();
        assert_eq!(parsed.problems.len(), 3, "{wrong}: {:?}", parsed.problems);
        assert!(
            parsed.problems.iter().zip(&starts).all(|(text, start)| text.starts_with(start)),
            "{wrong}: {parsed:?}"
        );
        assert!(parsed.problems[2].starts_with("AWS_REFRESHTOKEN[1]: is 3"), "{:?}", parsed.problems);
    }
}

#[test]
fn a_variable_that_is_no_json_leaves_the_other_variable_alone() {
    let parsed = parse(Some("[{"), Some("social-refresh-token-one"));
    assert_eq!(parsed.credentials.len(), 1);
    let problem = only_problem(parsed);
    assert!(problem.starts_with("KIRO_AUTH_TOKEN") && problem.contains("is not valid JSON"), "{problem}");
}

#[test]
fn nothing_configured_is_no_error() {
    for text in [None, Some(""), Some("  \n"), Some("[]")] {
        assert_eq!(parse(text, text.filter(|text| *text != "[]")).credentials, []);
    }
}

#[test]
fn a_token_written_twice_is_one_account_and_is_told() {
    let json = format!(r#"[{{"refreshToken":"{TOKEN}","label":"first"}},{{"refreshToken":"{TOKEN}","label":"x"}}]"#);
    let parsed = parse(Some(&json), Some(TOKEN));
    assert_eq!(parsed.credentials.len(), 1);
    assert_eq!(parsed.credentials[0].label, "first");
    assert_eq!(
        parsed.notes,
        [
            "KIRO_AUTH_TOKEN[1] repeats the token of KIRO_AUTH_TOKEN[0] and is left out",
            "AWS_REFRESHTOKEN[0] repeats the token of KIRO_AUTH_TOKEN[0] and is left out",
        ]
    );
}

#[test]
fn a_switched_off_sample_entry_stops_nothing() {
    let json = format!(r#"[{{"refreshToken":"...","disabled":true}},{{"refreshToken":"{TOKEN}"}}]"#);
    let parsed = parse(Some(&json), None);
    assert_eq!(parsed.credentials.len(), 1);
    assert!(parsed.notes[0].starts_with("KIRO_AUTH_TOKEN[0].refreshToken: holds an ellipsis"), "{:?}", parsed.notes);
}

#[test]
fn profile_arns_are_checked_part_by_part() {
    assert!(is_profile_arn(ARN));
    assert!(is_profile_arn("arn:aws-us-gov:codewhisperer:us-gov-west-1:000000000000:profile/a-B-9"));
    for broken in [
        "",
        "arn",
        "arn:aws:codewhisperer:us-east-1:69947594138:profile/X",
        "arn:aws:codewhisperer:us-east-1:6994759413850:profile/X",
        "arn:aws:codewhisperer:us-east-1:69947594138x:profile/X",
        "arn:aws:codewhisperer::699475941385:profile/X",
        "arn:aws:q:us-east-1:699475941385:profile/X",
        "arn:aws:codewhisperer:us-east-1:699475941385:profile/",
        "arn:aws:codewhisperer:us-east-1:699475941385:profile/X/Y",
        "arn:aws:codewhisperer:us-east-1:699475941385:profile/X:Y",
        "arn:aws:codewhisperer:us-east-1:699475941385:customization/X",
        " arn:aws:codewhisperer:us-east-1:699475941385:profile/X",
    ] {
        assert!(!is_profile_arn(broken), "{broken}");
    }
    assert!(!is_profile_arn(&format!("{ARN}{}", "A".repeat(256))));
}

#[test]
fn store_keys_must_be_long_and_are_never_shown() {
    assert!(Sealing::parse(None).is_ok() && Sealing::parse(Some(" ")).is_ok());
    let sealing = Sealing::parse(Some("a-long-and-random-key, the-one-before-it-01")).unwrap();
    assert_eq!(format!("{sealing:?}"), "Sealing(2 keys)");
    for text in ["hush", "a-long-and-random-key,hush", "a-long-and-random-key,"] {
        let error = Sealing::parse(Some(text)).unwrap_err();
        assert!(error.starts_with("TOKEN_STORE_KEY[") && !error.contains("hush"), "{error}");
        assert!(error.contains("16 characters"), "{error}");
    }
}

#[test]
fn strategies_have_names() {
    assert_eq!(Strategy::parse(None), Ok(Strategy::Optimal));
    assert_eq!(Strategy::parse(Some("Sequential")), Ok(Strategy::Sequential));
    assert_eq!(Strategy::parse(Some(" balanced ")), Ok(Strategy::Balanced));
    assert!(Strategy::parse(Some("random")).unwrap_err().starts_with("TOKEN_SELECTION_STRATEGY: expected"));
}

#[test]
fn debug_shows_no_secret() {
    let json = r#"{"auth":"IdC","refreshToken":"hush0123456789012345","clientId":"c","clientSecret":"hush-client"}"#;
    let shown = format!("{:?}", parse(Some(json), None));
    assert!(!shown.contains("hush"), "{shown}");
    assert!(shown.contains("[secret]"), "{shown}");
}
