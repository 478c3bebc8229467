//! Signals: SIGHUP reloads, SIGTERM and SIGINT stop, a second one at once.

use std::process::ExitCode;

use tokio::signal::unix::{SignalKind, signal};

use super::RunningApp;

/// Runs the server until it is told to stop.
///
/// # Errors
/// When the system gives no signal handlers.
pub async fn run(app: RunningApp) -> std::io::Result<ExitCode> {
    let mut hangup = signal(SignalKind::hangup())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    loop {
        tokio::select! {
            _ = hangup.recv() => {
                let backend = app.reloader();
                // Its outcome is in the log.
                let _ = tokio::task::spawn_blocking(move || backend.reload()).await;
            }
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
        }
    }
    tokio::select! {
        _ = app.shutdown() => Ok(ExitCode::SUCCESS),
        _ = terminate.recv() => Ok(at_once()),
        _ = interrupt.recv() => Ok(at_once()),
    }
}

fn at_once() -> ExitCode {
    tracing::warn!("stopped at once by a second signal; running sessions were cut off");
    ExitCode::FAILURE
}
