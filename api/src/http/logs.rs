use tracing_subscriber::{EnvFilter, Layer, layer::SubscriberExt, util::SubscriberInitExt};

use crate::config::LogFormat;

/// Writes the program's log to standard error from now on. `filter` is a level or a list such as `info,commands=debug`.
/// Answers false when a log was installed before; that one stays.
pub fn install_logs(filter: EnvFilter, format: LogFormat) -> bool {
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let lines = match format {
        LogFormat::Json => lines.json().flatten_event(true).with_span_list(false).boxed(),
        LogFormat::Text => lines.boxed(),
    };
    let installed = tracing_subscriber::registry().with(filter).with(lines).try_init().is_ok();
    if installed {
        install_panic_log();
    }
    installed
}

/// Lets panics appear in the log, with the span they happened in, instead of as text beside it.
pub fn install_panic_log() {
    std::panic::set_hook(Box::new(|panic| {
        let payload = panic.payload();
        let text = payload.downcast_ref::<&str>().copied();
        let message =
            text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("(no message)");
        let location = panic.location().map(ToString::to_string);
        tracing::error!(message, location, "a panic");
    }));
}
