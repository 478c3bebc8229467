//! A handset that waits to be asked: it takes SUPL INIT by UDP or from whatever other bearer, decides, and answers with a
//! session.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::net::UdpSocket;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::driver;
use super::error::HandsetError;
use super::invitation::{Answer, Discard, Invitation, Memory, Provisioned};
use super::ladder::{Direction, Step};
use super::motion::Motion;
use super::options::Options;
use super::report::Report;
use super::session::Session;
use super::summary;
use crate::base::time::Clock;
use crate::wire::ulp::UlpMessage;

/// Longest message taken from a datagram, octets. A SUPL INIT has some hundred at most.
const MAX_MESSAGE: usize = 8192;
/// Sessions that one handset holds at a time.
const MAX_SESSIONS: usize = 64;

/// What a listening handset is.
#[derive(Clone, Debug)]
pub struct ListenerOptions {
    /// Who it is, where its server is, what it hears and can do. The goal comes with each SUPL INIT.
    pub session: Options,
    /// What its user says when asked.
    pub answer: Answer,
    /// How long the user takes to say it.
    pub hesitates: Duration,
    /// What protection it insists on.
    pub provisioned: Provisioned,
    /// Whether it is in an emergency call: then a SUPL INIT that says so is believed without protection.
    pub emergency_call: bool,
    /// Where it is.
    pub motion: Motion,
}

impl ListenerOptions {
    /// A handset that allows everything at once and believes every INIT.
    pub const fn new(session: Options, motion: Motion) -> Self {
        Self {
            session,
            answer: Answer::Allow,
            hesitates: Duration::ZERO,
            provisioned: Provisioned::Null,
            emergency_call: false,
            motion,
        }
    }
}

/// What became of a message that was heard.
#[derive(Debug)]
pub enum Heard {
    /// It was thrown away.
    Discarded(Discard),
    /// It was answered, and the session brought this.
    Answered(Box<Report>),
    /// It was to be answered, but the server could not be spoken to.
    Unanswered(HandsetError),
}

/// A handset that waits to be asked.
#[derive(Debug)]
pub struct Listener {
    options: ListenerOptions,
    began: Instant,
    memory: Mutex<Memory>,
}

impl Listener {
    /// A handset whose motion begins now.
    pub fn new(options: ListenerOptions) -> Self {
        let memory = Mutex::new(Memory::in_emergency_call(options.emergency_call));
        Self { options, began: Instant::now(), memory }
    }

    /// Where it is now, unless it does not know.
    pub fn place(&self) -> Option<super::Place> {
        self.options.motion.at(self.began.elapsed()).or(self.options.session.place)
    }

    /// What it is.
    pub const fn options(&self) -> &ListenerOptions {
        &self.options
    }

    /// Takes a message that some bearer has brought, and answers it. `show` is given each step as it happens.
    pub async fn hear(&self, octets: &[u8], mut show: impl FnMut(&Step)) -> Heard {
        let taken = {
            let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
            memory.take(octets, &self.options.provisioned)
        };
        match taken {
            Ok(invitation) => match self.answer(&invitation, &mut show).await {
                Ok(report) => Heard::Answered(Box::new(report)),
                Err(error) => Heard::Unanswered(error),
            },
            Err(discard) => Heard::Discarded(discard),
        }
    }

    async fn answer(
        &self,
        invitation: &Invitation,
        show: &mut impl FnMut(&Step),
    ) -> Result<Report, HandsetError> {
        let began = Instant::now();
        let near = Clock::system().now().gps();
        let init = UlpMessage::Init(Box::new(invitation.init.clone()));
        let mut steps = vec![Step {
            time: Duration::ZERO,
            direction: Direction::Received,
            name: init.kind().name().to_owned(),
            bytes: Some(invitation.octets.len()),
            summary: summary::of(&init, near),
        }];
        show(&steps[0]);
        if invitation.asks_first().is_some() {
            tokio::time::sleep(self.options.hesitates).await;
            let summary = match self.options.answer {
                Answer::Allow => "yes",
                Answer::Deny => "no",
                Answer::Ignore => "says nothing",
            };
            let (direction, name) = (Direction::Local, "user".to_owned());
            let step =
                Step { time: began.elapsed(), direction, name, bytes: None, summary: summary.to_owned() };
            show(&step);
            steps.push(step);
        }
        let own = Options { place: self.place(), ..self.options.session.clone() };
        let (options, opening) = invitation.opening(&own, self.options.answer);
        let (slp, answer) = (invitation.slp.clone(), self.options.answer);
        let session = |options, now| Session::invited(options, now, slp, opening, answer);
        let mut report = driver::hold(&options, session, show).await?;
        steps.append(&mut report.found.steps);
        report.found.steps = steps;
        Ok(report)
    }

    /// Takes datagrams from a socket until it fails; sessions run beside each other. `done` is told what became of each
    /// message.
    ///
    /// # Errors
    /// When the socket gives no more.
    pub async fn listen(
        self: Arc<Self>,
        socket: UdpSocket,
        show: impl Fn(&Step) + Clone + Send + Sync + 'static,
        done: impl Fn(SocketAddr, Heard) + Clone + Send + Sync + 'static,
    ) -> io::Result<()> {
        let places = Arc::new(Semaphore::new(MAX_SESSIONS));
        let mut sessions = JoinSet::new();
        let mut buffer = Vec::new();
        loop {
            buffer.clear();
            buffer.reserve(MAX_MESSAGE);
            let from = match socket.recv_buf_from(&mut buffer).await {
                Ok((_, from)) => from,
                // Somebody to whom nothing was ever sent could not be reached, says the system.
                Err(e) if e.kind() == io::ErrorKind::ConnectionReset => continue,
                Err(e) => return Err(e),
            };
            while sessions.try_join_next().is_some() {}
            let octets = buffer.clone();
            let Ok(place) = Arc::clone(&places).try_acquire_owned() else { continue };
            let (this, show, done) = (Arc::clone(&self), show.clone(), done.clone());
            sessions.spawn(async move {
                let heard = this.hear(&octets, |step| show(step)).await;
                done(from, heard);
                drop(place);
            });
        }
    }
}
