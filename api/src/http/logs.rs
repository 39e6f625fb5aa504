use tracing::Subscriber;
use tracing_subscriber::{
    EnvFilter, Layer, fmt::MakeWriter, layer::SubscriberExt, registry::LookupSpan, util::SubscriberInitExt,
};

use crate::config::LogFormat;

/// Writes the program's log to standard error from now on. `filter` is a level or a list such as `info,commands=debug`.
/// Answers false when a log was installed before; that one stays.
pub fn install_logs(filter: EnvFilter, format: LogFormat) -> bool {
    let installed =
        tracing_subscriber::registry().with(filter).with(lines(format, std::io::stderr)).try_init().is_ok();
    if installed {
        install_panic_log();
    }
    installed
}

/// Every line carries the fields of all spans it stands in, so that what the engine says deep inside still has the
/// request's correlation id and tenant.
fn lines<S, W>(format: LogFormat, writer: W) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let lines = tracing_subscriber::fmt::layer().with_writer(writer);
    match format {
        LogFormat::Json => {
            lines.json().flatten_event(true).with_current_span(false).with_span_list(true).boxed()
        }
        LogFormat::Text => lines.boxed(),
    }
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

#[cfg(test)]
mod tests {
    use std::{
        io::Write,
        sync::{Arc, Mutex},
    };

    use super::*;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_is_json_and_carries_the_correlation_id_of_every_span_around_it() {
        let kept = Kept::default();
        let writer = kept.clone();
        let subscriber = tracing_subscriber::registry().with(lines(LogFormat::Json, move || writer.clone()));
        tracing::subscriber::with_default(subscriber, || {
            let request =
                tracing::info_span!("request", correlation_id = "c-1", tenant = tracing::field::Empty);
            request.record("tenant", "t-1");
            request.in_scope(|| {
                tracing::info_span!("inside").in_scope(|| tracing::error!(lost = 3, "it failed"));
            });
        });
        let line: serde_json::Value = serde_json::from_slice(&kept.0.lock().unwrap()).unwrap();
        assert_eq!(
            (&line["level"], &line["message"], &line["lost"]),
            (&"ERROR".into(), &"it failed".into(), &3.into())
        );
        assert_eq!(
            (&line["spans"][0]["correlation_id"], &line["spans"][0]["tenant"]),
            (&"c-1".into(), &"t-1".into())
        );
    }
}
