//! Where one secret lies.

/// Where a secret lies.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Source {
    /// In its own variable, or nowhere.
    Variable(Option<String>),
    /// In the file of this path.
    File(String),
    /// In Secrets Manager, under this ARN or name; `None`: in the region of the function.
    Secret { id: String, region: Option<String> },
    /// In SSM's Parameter Store, under this ARN or name; `None`: in the region of the function.
    Parameter { id: String, region: Option<String> },
}

impl Source {
    /// Looks which of `NAME`, `NAME_FILE` and `NAME_ARN` is set. Blanks set nothing.
    ///
    /// # Errors
    /// More than one is set, or the ARN names something else.
    pub(super) fn of(name: &str, get: &dyn Fn(&str) -> Option<String>) -> Result<Self, String> {
        let set = |name: String| {
            let value = get(&name)?.trim().to_owned();
            (!value.is_empty()).then_some((name, value))
        };
        let plain = set(name.to_owned());
        let [file, arn] = [FILE, ARN].map(|suffix| set(format!("{name}{suffix}")));
        let names: Vec<&str> = [&plain, &file, &arn].into_iter().flatten().map(|(name, _)| name.as_str()).collect();
        if names.len() > 1 {
            return Err(format!("{} are set at once: set one of them", names.join(" and ")));
        }
        match (file, arn) {
            (Some((_, path)), _) => Ok(Self::File(path)),
            (None, Some((name, id))) => Self::elsewhere(&id).ok_or_else(|| format!("{name} {NOT_OURS}")),
            (None, None) => Ok(Self::Variable(plain.map(|(_, value)| value))),
        }
    }

    /// A name that begins with a slash is a parameter's, any other a secret's; an ARN tells its service and region.
    fn elsewhere(id: &str) -> Option<Self> {
        let id = id.to_owned();
        if !id.starts_with("arn:") {
            return Some(match id.starts_with('/') {
                true => Self::Parameter { id, region: None },
                false => Self::Secret { id, region: None },
            });
        }
        let mut fields = id.splitn(6, ':').skip(2);
        let (service, region, _account, resource) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
        // It becomes part of a host name.
        let is_region = !region.is_empty() && region.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        let region = is_region.then(|| region.to_owned());
        match service {
            "secretsmanager" if resource.starts_with("secret:") && is_region => Some(Self::Secret { id, region }),
            "ssm" if resource.starts_with("parameter/") && is_region => Some(Self::Parameter { id, region }),
            _ => None,
        }
    }
}

/// Behind a secret's name: the path of a file.
pub(super) const FILE: &str = "_FILE";
/// Behind a secret's name: an ARN or a name.
pub(super) const ARN: &str = "_ARN";
const NOT_OURS: &str = "is the ARN of neither a secret (arn:aws:secretsmanager:…:secret:…) nor a parameter \
                        (arn:aws:ssm:…:parameter/…)";

#[cfg(test)]
mod tests {
    use super::*;

    fn of(set: &[(&str, &str)]) -> Result<Source, String> {
        Source::of("KEY", &|name| set.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn a_secret_lies_where_one_of_its_names_says() {
        let region = || Some("eu-west-1".to_owned());
        for (set, wanted) in [
            (&[][..], Source::Variable(None)),
            (&[("KEY", " v ")], Source::Variable(Some("v".into()))),
            (&[("KEY", "v"), ("KEY_FILE", " "), ("KEY_ARN", "")], Source::Variable(Some("v".into()))),
            (&[("KEY_FILE", "/run/key")], Source::File("/run/key".into())),
            (&[("KEY_ARN", "name/of-it")], Source::Secret { id: "name/of-it".into(), region: None }),
            (&[("KEY_ARN", "/a/b")], Source::Parameter { id: "/a/b".into(), region: None }),
            (
                &[("KEY_ARN", "arn:aws:secretsmanager:eu-west-1:1:secret:a-b")],
                Source::Secret { id: "arn:aws:secretsmanager:eu-west-1:1:secret:a-b".into(), region: region() },
            ),
            (
                &[("KEY_ARN", "arn:aws-cn:ssm:eu-west-1:1:parameter/a/b")],
                Source::Parameter { id: "arn:aws-cn:ssm:eu-west-1:1:parameter/a/b".into(), region: region() },
            ),
        ] {
            assert!(of(set) == Ok(wanted), "{set:?}");
        }
    }

    #[test]
    fn two_places_at_once_are_named_and_no_value_is() {
        let all = [("KEY", "hush"), ("KEY_FILE", "hush"), ("KEY_ARN", "hush")];
        for (set, names) in [
            (&all[..2], "KEY and KEY_FILE"),
            (&all[1..], "KEY_FILE and KEY_ARN"),
            (&all[..], "KEY and KEY_FILE and KEY_ARN"),
        ] {
            let Err(text) = of(set) else { panic!("{names}: taken") };
            assert!(text.starts_with(names) && !text.contains("hush"), "{text}");
        }
    }

    #[test]
    fn an_arn_of_something_else_is_refused_without_showing_it() {
        for arn in [
            "arn:",
            "arn:aws:s3:::123456789012",
            "arn:aws:ssm:eu-west-1:123456789012:document/x",
            "arn:aws:secretsmanager::123456789012:secret:x",
            "arn:aws:secretsmanager:evil.example/:123456789012:secret:x",
        ] {
            let Err(text) = of(&[("KEY_ARN", arn)]) else { panic!("{arn}: taken") };
            assert!(text.starts_with("KEY_ARN is the ARN of neither") && !text.contains("123456789012"), "{text}");
        }
    }
}
