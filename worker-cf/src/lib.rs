//! Binds the core to Cloudflare Workers.
