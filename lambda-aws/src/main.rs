//! The function's program: reads its settings once, then answers invocations until the environment ends.

use kiro2api_lambda::environment::Environment;
use kiro2api_lambda::machine::Machine;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let environment = Environment::start(Machine::SYSTEM, |name| std::env::var(name).ok()).await;
    kiro2api_lambda::serve(environment).await
}
