//! Which failure it is. Decided by `reason` first, then by an exception name that says enough, then by
//! the message, then by the name's usual meaning, then by the status.

/// What went wrong at the service, in the terms of who can do something about it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum FaultKind {
    // The request we sent.
    /// The body's shape is refused (or, without a reason, its size): repair once, then give up.
    Shape {
        /// The text names `additionalModelRequestFields`: send none of them to this model.
        extra_fields: bool,
        /// The root or the ids of the agent's task may be what is refused: send neither
        /// `agentContinuationId` nor `agentTaskType`.
        task_ids: bool,
    },
    /// The body is not JSON to the service.
    InvalidJson,
    /// The conversation does not fit the model's window.
    TooLong,
    /// The body does not fit the service's front end.
    BodyTooLarge,
    /// No such model, or the account's plan or region lacks it.
    InvalidModel,
    /// Tool names, schemas, or the pairing of calls and results.
    ToolRules,
    /// An image or document: format, size, number.
    MediaRefused,
    /// The conversation's id or length.
    ConversationRefused,
    /// A thinking block came back with a signature that is not the service's.
    ThinkingSignature,

    // The account.
    /// The account needs a `profileArn` and none was sent.
    ProfileRequired,
    /// The `profileArn` is not one of the account's.
    InvalidProfile,
    /// The access token is expired or wrong: refresh once.
    BearerInvalid,
    /// Host, profile, plan or the organisation's keys forbid it: refreshing does not help.
    NotAuthorized,
    /// The provider locked the account: stop using it.
    Suspended,
    /// The quota of the day or month is used up.
    QuotaUsedUp,
    /// Too many requests of this account.
    Throttled,

    // The service.
    /// The model has no capacity: another account hardly helps.
    NoCapacity,
    /// The service says it is overloaded.
    HighLoad,
    /// The service failed without saying why.
    Internal,
    /// The service, or a gateway before it, is not available for now.
    Unavailable,
    /// This host does not serve the operation: another may.
    UnknownOperation,
    /// Nothing there under this path, or no such resource.
    NotFound,
    /// A success that is no event stream: a proxy's page, a captive portal.
    NotEventStream,

    // The stream.
    /// A length limit inside the stream: after a part of the answer that is cut, not broken
    /// (`max_tokens`); as the first event it is a prompt that is too long.
    OutputTooLong,
    /// A frame or event that cannot be read.
    Malformed,

    // The way there.
    /// Name resolution, connection or TLS.
    Connect,
    /// The connection broke once the request was under way.
    Broke,

    /// None of the above; the message says what is known.
    Other,
}

/// What is known of a failure.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clues<'c> {
    /// HTTP status; 0 inside the stream.
    pub(super) status: u16,
    /// Exception name without namespace and URL.
    pub(super) code: &'c str,
    /// The service's own reason.
    pub(super) reason: Option<&'c str>,
    /// The message as it came.
    pub(super) message: &'c str,
}

impl FaultKind {
    pub(super) fn of(clues: Clues<'_>) -> Self {
        let message = clues.message.to_ascii_lowercase();
        clues
            .reason
            .and_then(|reason| by_reason(reason, &message))
            .or_else(|| by_telling_name(clues.code, clues.status))
            .or_else(|| by_message(&message))
            .or_else(|| by_name(clues.code, clues.status))
            .unwrap_or_else(|| by_status(clues.status))
    }
}

fn by_reason(reason: &str, message: &str) -> Option<FaultKind> {
    Some(match reason {
        "REQUEST_BODY_INVALID" => match by_message(message) {
            Some(FaultKind::Shape { extra_fields: true, .. }) => SHAPE_EXTRA,
            Some(kind) if !matches!(kind, FaultKind::Shape { .. }) => kind,
            _ => SHAPE_ROOT,
        },
        "REQUEST_BODY_INVALID_JSON" => FaultKind::InvalidJson,
        "CONTENT_LENGTH_EXCEEDS_THRESHOLD" | "PROMPT_TOO_LONG" => FaultKind::TooLong,
        "INVALID_MODEL_ID" => FaultKind::InvalidModel,
        "THINKING_SIGNATURE_INVALID" => FaultKind::ThinkingSignature,
        "INVALID_CONVERSATION_ID" | "CONVERSATION_LIMIT_EXCEEDED" => FaultKind::ConversationRefused,
        "MONTHLY_REQUEST_COUNT" | "DAILY_REQUEST_COUNT" | "OVERAGE_REQUEST_LIMIT_EXCEEDED" => FaultKind::QuotaUsedUp,
        "TEMPORARILY_SUSPENDED" => FaultKind::Suspended,
        "FEATURE_NOT_SUPPORTED" => FaultKind::NotAuthorized,
        "INSUFFICIENT_MODEL_CAPACITY" => FaultKind::NoCapacity,
        "MODEL_TEMPORARILY_UNAVAILABLE" => FaultKind::HighLoad,
        _ if reason.starts_with("TOOL_") => FaultKind::ToolRules,
        _ if reason.starts_with("IMAGE_") || reason.starts_with("DOCUMENT_") => FaultKind::MediaRefused,
        _ if reason.starts_with("UNAUTHORIZED_") || reason.contains("KMS") => FaultKind::NotAuthorized,
        _ => return None,
    })
}

/// Names that mean one thing only.
fn by_telling_name(code: &str, status: u16) -> Option<FaultKind> {
    Some(match code {
        "UnknownOperationException" | "UnknownOperation" => FaultKind::UnknownOperation,
        "ResourceNotFoundException" => FaultKind::NotFound,
        "ContentLengthExceededException" if status == 0 => FaultKind::OutputTooLong,
        "ContentLengthExceededException" => FaultKind::TooLong,
        "ExpiredTokenException" | "InvalidTokenException" | "UnrecognizedClientException" => FaultKind::BearerInvalid,
        "RequestEntityTooLargeException" => FaultKind::BodyTooLarge,
        _ => return None,
    })
}

fn by_message(message: &str) -> Option<FaultKind> {
    if message.contains("bearer token") && (message.contains("invalid") || message.contains("expired")) {
        return Some(FaultKind::BearerInvalid);
    }
    PHRASES.iter().find(|(phrase, _)| message.contains(phrase)).map(|&(_, kind)| kind)
}

/// What a name means when neither reason nor message said more.
fn by_name(code: &str, status: u16) -> Option<FaultKind> {
    Some(match code {
        "ThrottlingException" | "Throttling" | "TooManyRequestsException" => FaultKind::Throttled,
        "ServiceQuotaExceededException" => FaultKind::QuotaUsedUp,
        "AccessDeniedException" if status == 401 => FaultKind::BearerInvalid,
        "AccessDeniedException" => FaultKind::NotAuthorized,
        "ServiceUnavailableException" | "ServiceUnavailable" => FaultKind::Unavailable,
        "InternalServerException" | "InternalFailure" | "InternalServerError" | "error" => FaultKind::Internal,
        "ValidationException" => SHAPE,
        _ => return None,
    })
}

fn by_status(status: u16) -> FaultKind {
    match status {
        200..=299 => FaultKind::NotEventStream,
        400 | 422 => SHAPE,
        401 => FaultKind::BearerInvalid,
        402 => FaultKind::QuotaUsedUp,
        403 => FaultKind::NotAuthorized,
        404 => FaultKind::NotFound,
        405 => FaultKind::UnknownOperation,
        413 => FaultKind::BodyTooLarge,
        429 => FaultKind::Throttled,
        408 | 502..=504 => FaultKind::Unavailable,
        500..=599 => FaultKind::Internal,
        _ => FaultKind::Other,
    }
}

const SHAPE: FaultKind = FaultKind::Shape { extra_fields: false, task_ids: false };
const SHAPE_EXTRA: FaultKind = FaultKind::Shape { extra_fields: true, task_ids: false };
const SHAPE_ROOT: FaultKind = FaultKind::Shape { extra_fields: false, task_ids: true };

/// Lower-case phrases of messages, the telling ones before the general ones: a wrapped message
/// (`Bedrock error message: Input is too long.`) is what it wraps.
const PHRASES: &[(&str, FaultKind)] = &[
    ("input is too long", FaultKind::TooLong),
    ("prompt is too long", FaultKind::TooLong),
    ("exceeded max chat context length", FaultKind::TooLong),
    ("length limit exceeded", FaultKind::BodyTooLarge),
    ("failed to buffer the request body", FaultKind::BodyTooLarge),
    ("additionalmodelrequestfields", SHAPE_EXTRA),
    ("is not defined in the schema and the schema does not allow", SHAPE_EXTRA),
    ("agentcontinuationid", SHAPE_ROOT),
    ("agenttasktype", SHAPE_ROOT),
    ("not valid json", FaultKind::InvalidJson),
    ("invalid model", FaultKind::InvalidModel),
    ("profilearn is required", FaultKind::ProfileRequired),
    ("invalid profilearn", FaultKind::InvalidProfile),
    ("temporarily is suspended", FaultKind::Suspended),
    ("temporarily suspended", FaultKind::Suspended),
    ("locked your account", FaultKind::Suspended),
    ("not authorized to make this call", FaultKind::NotAuthorized),
    ("experiencing high traffic", FaultKind::NoCapacity),
    ("unexpectedly high load", FaultKind::HighLoad),
    ("have reached the limit", FaultKind::QuotaUsedUp),
    ("maximum request reached", FaultKind::QuotaUsedUp),
    ("overage limit", FaultKind::QuotaUsedUp),
    ("credit limit exceeded", FaultKind::Throttled),
    ("too many requests", FaultKind::Throttled),
    ("unknown operation", FaultKind::UnknownOperation),
    ("unknownoperation", FaultKind::UnknownOperation),
    ("invalid tool use format", FaultKind::ToolRules),
    ("bedrock error message", FaultKind::ToolRules),
    ("improperly formed request", SHAPE),
];
