//! Holds a session with a server: socket on one side, the session machine on the other.

use super::error::HandsetError;
use super::ladder::Step;
use super::options::Options;
use super::report::Report;
use super::session::{Action, Input, Session};
use super::transport::Connection;
use crate::base::time::{Clock, Now};

/// Connects, holds one session and closes. `show` is given each step as it happens.
pub async fn run(options: &Options, show: impl FnMut(&Step)) -> Result<Report, HandsetError> {
    hold(options, Session::new, show).await
}

/// The same for a session that may have been asked for.
pub(super) async fn hold(
    options: &Options,
    session: impl FnOnce(Options, Now) -> Session,
    mut show: impl FnMut(&Step),
) -> Result<Report, HandsetError> {
    let clock = Clock::system();
    let opened = clock.now();
    let mut connection = Connection::open(&options.server, &options.security, options.timeout).await?;
    let connected = clock.now().mono.duration_since(opened.mono);
    let mut session = session(options.clone(), opened);
    let mut actions = Vec::new();
    session.handle(clock.now(), Input::Connected, &mut actions)?;
    loop {
        for action in actions.drain(..) {
            match action {
                Action::Show(step) => show(&step),
                // A server that has closed may have left a SUPL END to be read, so the read says what happened.
                Action::Send(pdu) => drop(connection.send(&pdu).await),
                Action::Close => {
                    connection.close().await;
                    let took = clock.now().mono.duration_since(opened.mono);
                    return Ok(Report::new(
                        options.clone(),
                        connection.tls().cloned(),
                        connected,
                        took,
                        session.into_findings(),
                    ));
                }
            }
        }
        let deadline = session.next_timeout().unwrap_or_else(|| clock.now().mono + options.timeout);
        let received = tokio::select! {
            received = connection.receive() => Some(received),
            () = tokio::time::sleep_until(deadline.into()) => None,
        };
        let now = clock.now();
        match received {
            None => session.handle(now, Input::Timeout, &mut actions)?,
            Some(Ok(Some(pdu))) => session.handle(now, Input::Pdu(&pdu), &mut actions)?,
            Some(Ok(None)) => session.handle(now, Input::Disconnected, &mut actions)?,
            Some(Err(e)) if e.kind() == std::io::ErrorKind::ConnectionReset => {
                session.handle(now, Input::Disconnected, &mut actions)?;
            }
            Some(Err(e)) => return Err(HandsetError::Io(e)),
        }
    }
}
