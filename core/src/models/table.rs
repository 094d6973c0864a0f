//! The models this version knows.

use std::borrow::Cow;

use super::{Model, Reasoning};

/// Windows and outputs: the service's own list as last seen. Release dates of public ids.
pub(super) const MODELS: &[Model] = &[
    row(
        "claude-opus-5-5",
        "Claude Opus 5.5",
        "claude-opus-5.5",
        1_000_000,
        128_000,
        XHIGH,
        1_790_812_800,
        &["opus", "opusplan", "best"],
    ),
    row("claude-opus-5", "Claude Opus 5", "claude-opus-5", 1_000_000, 128_000, XHIGH, 1_784_937_600, &[]),
    row("claude-opus-4-8", "Claude Opus 4.8", "claude-opus-4.8", 1_000_000, 128_000, XHIGH, 1_777_593_600, &[]),
    row("claude-opus-4-7", "Claude Opus 4.7", "claude-opus-4.7", 1_000_000, 128_000, XHIGH, 1_775_001_600, &[]),
    row(
        "claude-opus-4-6",
        "Claude Opus 4.6",
        "claude-opus-4.6",
        1_000_000,
        64_000,
        Reasoning::Effort { xhigh: false },
        1_769_904_000,
        &[],
    ),
    row("claude-opus-4-5", "Claude Opus 4.5", "claude-opus-4.5", 200_000, 64_000, Reasoning::Tags, 1_761_955_200, &[]),
    row("claude-sonnet-5", "Claude Sonnet 5", "claude-sonnet-5", 1_000_000, 64_000, XHIGH, 1_780_272_000, &["sonnet"]),
    row(
        "claude-sonnet-4-6",
        "Claude Sonnet 4.6",
        "claude-sonnet-4.6",
        1_000_000,
        64_000,
        Reasoning::Effort { xhigh: false },
        1_769_904_000,
        &[],
    ),
    row(
        "claude-sonnet-4-5",
        "Claude Sonnet 4.5",
        "claude-sonnet-4.5",
        200_000,
        64_000,
        Reasoning::Tags,
        1_759_104_000,
        &["claude-3-7-sonnet"],
    ),
    row(
        "claude-sonnet-4",
        "Claude Sonnet 4",
        "claude-sonnet-4",
        200_000,
        64_000,
        Reasoning::Tags,
        1_747_180_800,
        &["claude-sonnet-4-0"],
    ),
    row(
        "claude-haiku-4-5",
        "Claude Haiku 4.5",
        "claude-haiku-4.5",
        200_000,
        64_000,
        Reasoning::Tags,
        1_759_276_800,
        &["claude-3-5-haiku", "haiku"],
    ),
    row("claude-fable-5", "Claude Fable 5", "claude-fable-5", 1_000_000, 64_000, XHIGH, 1_780_272_000, &[]),
    row("gpt-5.6-sol", "GPT-5.6 Sol", "gpt-5.6-sol", 272_000, 64_000, Reasoning::Gpt, 1_783_900_800, &[]),
    row("gpt-5.6-terra", "GPT-5.6 Terra", "gpt-5.6-terra", 272_000, 64_000, Reasoning::Gpt, 1_783_900_800, &[]),
    row("gpt-5.6-luna", "GPT-5.6 Luna", "gpt-5.6-luna", 272_000, 64_000, Reasoning::Gpt, 1_783_900_800, &[]),
    row("deepseek-3.2", "DeepSeek 3.2", "deepseek-3.2", 128_000, 64_000, Reasoning::None, 1_769_904_000, &[]),
    row("minimax-m2.5", "MiniMax M2.5", "minimax-m2.5", 196_000, 64_000, Reasoning::None, 1_769_904_000, &[]),
    row("minimax-m2.1", "MiniMax M2.1", "minimax-m2.1", 196_000, 64_000, Reasoning::None, 1_769_904_000, &[]),
    row("glm-5", "GLM 5", "glm-5", 200_000, 64_000, Reasoning::None, 1_769_904_000, &[]),
    row(
        "qwen3-coder-next",
        "Qwen3 Coder Next",
        "qwen3-coder-next",
        256_000,
        64_000,
        Reasoning::None,
        1_769_904_000,
        &[],
    ),
    row("auto", "Auto", "auto", 200_000, 64_000, Reasoning::None, 1_751_328_000, &[]),
];

#[expect(clippy::too_many_arguments, reason = "one call is one row of the table")]
const fn row(
    id: &'static str,
    display_name: &'static str,
    upstream_id: &'static str,
    window: u32,
    max_output: u32,
    reasoning: Reasoning,
    created: u64,
    aliases: &'static [&'static str],
) -> Model {
    let images = !matches!(reasoning, Reasoning::None);
    let fields = reasoning.fields();
    let (id, display_name) = (Cow::Borrowed(id), Cow::Borrowed(display_name));
    let upstream_id = Cow::Borrowed(upstream_id);
    Model { id, display_name, upstream_id, window, max_output, reasoning, fields, images, created, aliases }
}

const XHIGH: Reasoning = Reasoning::Effort { xhigh: true };
