//! Which services are called, and where they are.

/// A service of the platform that takes JSON posts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Service {
    /// Tables.
    DynamoDb,
    /// Secrets.
    SecretsManager,
    /// Parameters.
    Ssm,
}

impl Service {
    /// Its name in signatures, host names and policies.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::DynamoDb => "dynamodb",
            Self::SecretsManager => "secretsmanager",
            Self::Ssm => "ssm",
        }
    }

    /// The variable that moves it elsewhere.
    const fn variable(self) -> &'static str {
        match self {
            Self::DynamoDb => "AWS_ENDPOINT_URL_DYNAMODB",
            Self::SecretsManager => "AWS_ENDPOINT_URL_SECRETS_MANAGER",
            Self::Ssm => "AWS_ENDPOINT_URL_SSM",
        }
    }

    pub(super) fn target(self, operation: &str) -> String {
        let version = match self {
            Self::DynamoDb => "DynamoDB_20120810",
            Self::SecretsManager => "secretsmanager",
            Self::Ssm => "AmazonSSM",
        };
        format!("{version}.{operation}")
    }

    pub(super) const fn content_type(self) -> &'static str {
        match self {
            Self::DynamoDb => "application/x-amz-json-1.0",
            Self::SecretsManager | Self::Ssm => "application/x-amz-json-1.1",
        }
    }
}

/// Where the services are, if not at their usual addresses.
#[derive(Debug)]
pub(super) struct Endpoints {
    all: Option<String>,
    each: Vec<(Service, String)>,
}

impl Endpoints {
    /// Reads `AWS_ENDPOINT_URL` and the names of single services, which go before it.
    pub(super) fn read(set: &dyn Fn(&str) -> Option<String>) -> Self {
        let each = [Service::DynamoDb, Service::SecretsManager, Service::Ssm].into_iter();
        let each = each.filter_map(|service| Some((service, rooted(&set(service.variable())?))));
        Self { all: set("AWS_ENDPOINT_URL").as_deref().map(rooted), each: each.collect() }
    }

    pub(super) fn url(&self, service: Service, region: &str) -> String {
        let own = self.each.iter().find(|(of, _)| *of == service).map(|(_, url)| url);
        own.or(self.all.as_ref()).cloned().unwrap_or_else(|| {
            let suffix = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
            format!("https://{}.{region}.{suffix}/", service.name())
        })
    }
}

/// With a path, as a signature wants it.
fn rooted(url: &str) -> String {
    format!("{}/", url.trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoints(set: &[(&str, &str)]) -> Endpoints {
        Endpoints::read(&|name| set.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn services_are_where_the_region_has_them() {
        let usual = endpoints(&[]);
        assert_eq!(usual.url(Service::DynamoDb, "eu-west-1"), "https://dynamodb.eu-west-1.amazonaws.com/");
        assert_eq!(usual.url(Service::Ssm, "cn-north-1"), "https://ssm.cn-north-1.amazonaws.com.cn/");
    }

    #[test]
    fn one_service_can_be_moved_without_the_others() {
        let moved = endpoints(&[("AWS_ENDPOINT_URL", "http://a:1"), ("AWS_ENDPOINT_URL_SSM", "http://b:2/")]);
        assert_eq!(moved.url(Service::Ssm, "us-east-1"), "http://b:2/");
        assert_eq!(moved.url(Service::SecretsManager, "us-east-1"), "http://a:1/");
    }
}
