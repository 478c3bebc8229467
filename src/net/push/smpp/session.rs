//! What happens on a connection that is bound: a window of submissions, the SMSC's requests, and signs of life.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::super::bearer::Failure;
use super::super::connect::Stream;
use super::Settings;
use super::link::{End, Queue, Role, Submission};
use super::pdu::{Command, Pdu, ShortMessage, message_id};
use super::receipt::{Receipt, Receipts};
use super::status;

/// The first pause after the SMSC asked for patience.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// The longest.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// How long an orderly end may take.
const FAREWELL: Duration = Duration::from_secs(2);
/// Sequence numbers go from 1 to this (3.2).
const LAST_SEQUENCE: u32 = 0x7fff_ffff;

/// A submission that the SMSC has not answered yet.
struct Outstanding {
    submission: Submission,
    until: Instant,
}

/// A connection that is bound.
pub(super) struct Session {
    settings: Arc<Settings>,
    role: Role,
    receipts: Receipts,
    outstanding: HashMap<u32, Outstanding>,
    sequence: u32,
    /// When the next message may go: the SMSC's wish, or ours.
    not_before: Instant,
    throttle: Duration,
    /// Last whole PDU from the SMSC.
    heard: Instant,
    /// Number of our enquire_link, and when it must have been answered.
    enquiry: Option<(u32, Instant)>,
    out: BytesMut,
}

impl Session {
    pub(super) fn new(settings: Arc<Settings>, role: Role, receipts: Receipts) -> Self {
        let now = Instant::now();
        Self {
            settings,
            role,
            receipts,
            outstanding: HashMap::new(),
            // 1 was the bind.
            sequence: 1,
            not_before: now,
            throttle: FIRST_PAUSE,
            heard: now,
            enquiry: None,
            out: BytesMut::new(),
        }
    }

    /// Serves the connection until it ends.
    pub(super) async fn run(
        &mut self,
        mut stream: Box<dyn Stream>,
        mut buffer: BytesMut,
        queue: &mut Queue,
        stop: &CancellationToken,
    ) -> End {
        loop {
            if let Err(end) = self.step(&mut stream, &mut buffer, queue, stop).await {
                if matches!(end, End::Stopped) {
                    self.farewell(&mut stream, &mut buffer).await;
                } else if matches!(end, End::Broken(_)) {
                    self.answer(Command::GENERIC_NACK, status::INVALID_LENGTH, 0, Bytes::new());
                }
                let _ = self.flush(&mut stream).await;
                let _ = timeout(FAREWELL, stream.shutdown()).await;
                return end;
            }
        }
    }

    /// One turn: what was read, what is due, then what comes next.
    async fn step(
        &mut self,
        stream: &mut Box<dyn Stream>,
        buffer: &mut BytesMut,
        queue: &mut Queue,
        stop: &CancellationToken,
    ) -> Result<(), End> {
        while let Some(pdu) = Pdu::take(buffer)? {
            self.heard(&pdu, queue)?;
            if self.out.len() > 1 << 16 {
                self.flush(stream).await?;
            }
        }
        let now = Instant::now();
        self.expire(now)?;
        self.flush(stream).await?;
        let room = self.role != Role::Receiver
            && self.outstanding.len() < usize::from(self.settings.config.window)
            && now >= self.not_before;
        tokio::select! {
            biased;
            () = stop.cancelled() => return Err(End::Stopped),
            read = stream.read_buf(buffer) => {
                if read? == 0 {
                    return Err(End::Closed);
                }
            }
            next = queue.next(), if room => match next {
                Some(submission) => self.submit(submission),
                None => return Err(End::Stopped),
            },
            () = sleep_until(self.due()) => {}
        }
        Ok(())
    }

    /// When something has to be done even if nothing happens.
    fn due(&self) -> Instant {
        let quiet = self.heard + self.settings.enquire();
        let mut due = self.enquiry.map_or(quiet, |(_, until)| until);
        if let Some(first) = self.outstanding.values().map(|o| o.until).min() {
            due = due.min(first);
        }
        if self.not_before > Instant::now() {
            due = due.min(self.not_before);
        }
        due
    }

    /// Gives up what was not answered in time, and asks an SMSC that is silent whether it is there.
    fn expire(&mut self, now: Instant) -> Result<(), End> {
        let late: Vec<u32> =
            self.outstanding.iter().filter(|(_, o)| o.until <= now).map(|(s, _)| *s).collect();
        for sequence in late {
            if let Some(o) = self.outstanding.remove(&sequence) {
                let _ = o.submission.tell.send(Err(Failure::Unanswered));
            }
        }
        match self.enquiry {
            Some((_, until)) if until <= now => return Err(End::Silent),
            None if self.heard + self.settings.enquire() <= now => {
                let sequence = self.next_sequence();
                self.enquiry = Some((sequence, now + self.settings.response()));
                Pdu::request(Command::ENQUIRE_LINK, sequence, Bytes::new()).put(&mut self.out);
            }
            _ => {}
        }
        Ok(())
    }

    fn submit(&mut self, submission: Submission) {
        let now = Instant::now();
        // Who does not wait any more needs no message.
        if submission.tell.is_closed() {
            return;
        }
        if submission.deadline <= now {
            let _ = submission.tell.send(Err(Failure::Congested));
            return;
        }
        let sequence = self.next_sequence();
        Pdu::request(Command::SUBMIT_SM, sequence, submission.body.clone()).put(&mut self.out);
        let until = (now + self.settings.response()).min(submission.deadline);
        self.outstanding.insert(sequence, Outstanding { submission, until });
        if let Some(gap) = self.settings.gap() {
            self.not_before = self.not_before.max(now) + gap;
        }
    }

    fn next_sequence(&mut self) -> u32 {
        loop {
            self.sequence = if self.sequence >= LAST_SEQUENCE { 1 } else { self.sequence + 1 };
            if !self.outstanding.contains_key(&self.sequence) {
                return self.sequence;
            }
        }
    }

    /// Does what a PDU of the SMSC asks for.
    fn heard(&mut self, pdu: &Pdu, queue: &mut Queue) -> Result<(), End> {
        self.heard = Instant::now();
        match pdu.command {
            Command::ENQUIRE_LINK => {
                self.answer(pdu.command.response(), status::OK, pdu.sequence, Bytes::new());
            }
            Command::UNBIND => {
                self.answer(pdu.command.response(), status::OK, pdu.sequence, Bytes::new());
                return Err(End::Unbound);
            }
            Command::DELIVER_SM => self.delivered(pdu, ShortMessage::read(&pdu.body)),
            Command::DATA_SM => self.delivered(pdu, ShortMessage::read_data(&pdu.body)),
            Command::ALERT_NOTIFICATION => {}
            Command::GENERIC_NACK => {
                if self.enquiry.is_some_and(|(s, _)| s == pdu.sequence) {
                    self.enquiry = None;
                }
                if let Some(o) = self.outstanding.remove(&pdu.sequence) {
                    let failure = if pdu.status == status::OK {
                        Failure::Broken
                    } else {
                        status::of_submit(pdu.status)
                    };
                    let _ = o.submission.tell.send(Err(failure));
                }
            }
            c if c == Command::ENQUIRE_LINK.response() => {
                if self.enquiry.is_some_and(|(s, _)| s == pdu.sequence) {
                    self.enquiry = None;
                }
            }
            c if c == Command::SUBMIT_SM.response() => self.submitted(pdu, queue)?,
            // The answer to what we did not ask, or gave up.
            c if c.is_response() => {}
            _ => self.answer(Command::GENERIC_NACK, status::INVALID_COMMAND, pdu.sequence, Bytes::new()),
        }
        Ok(())
    }

    /// The SMSC's answer to a submission.
    fn submitted(&mut self, pdu: &Pdu, queue: &mut Queue) -> Result<(), End> {
        let Some(o) = self.outstanding.remove(&pdu.sequence) else { return Ok(()) };
        if pdu.status == status::OK {
            self.throttle = FIRST_PAUSE;
            let _ = o.submission.tell.send(Ok(message_id(&pdu.body).unwrap_or_default()));
            return Ok(());
        }
        if status::is_throttling(pdu.status) {
            let now = Instant::now();
            // The answers to a whole window count as one wish.
            if self.not_before <= now {
                self.not_before = now + self.throttle;
                self.throttle = (self.throttle * 2).min(LONGEST_PAUSE);
            }
            self.settings.throttled();
            if self.not_before < o.submission.deadline {
                queue.again(o.submission);
            } else {
                let _ = o.submission.tell.send(Err(Failure::Congested));
            }
            return Ok(());
        }
        let _ = o.submission.tell.send(Err(status::of_submit(pdu.status)));
        if pdu.status == status::INVALID_BIND_STATE { Err(End::Unbound) } else { Ok(()) }
    }

    /// A message from the SMSC: a receipt, or one of a subscriber, which is acknowledged and dropped.
    fn delivered(&mut self, pdu: &Pdu, message: Option<ShortMessage>) {
        let Some(message) = message else {
            return self.answer(Command::GENERIC_NACK, status::INVALID_LENGTH, pdu.sequence, Bytes::new());
        };
        if let Some(receipt) = Receipt::read(&message) {
            self.settings.receipt(receipt.state.name());
            self.receipts.note(receipt);
        }
        // The body is an empty message_id.
        self.answer(pdu.command.response(), status::OK, pdu.sequence, Bytes::from_static(&[0]));
    }

    fn answer(&mut self, command: Command, status: u32, sequence: u32, body: Bytes) {
        Pdu { command, status, sequence, body }.put(&mut self.out);
    }

    async fn flush(&mut self, stream: &mut Box<dyn Stream>) -> Result<(), End> {
        if self.out.is_empty() {
            return Ok(());
        }
        let out = self.out.split();
        let write = async {
            stream.write_all(&out).await?;
            stream.flush().await
        };
        timeout(self.settings.response(), write).await.map_err(|_| End::Silent)??;
        Ok(())
    }

    /// Takes leave: `unbind`, and its answer if it comes soon.
    async fn farewell(&mut self, stream: &mut Box<dyn Stream>, buffer: &mut BytesMut) {
        let sequence = self.next_sequence();
        Pdu::request(Command::UNBIND, sequence, Bytes::new()).put(&mut self.out);
        let leave = async {
            self.flush(stream).await?;
            loop {
                while let Some(pdu) = Pdu::take(buffer)? {
                    if pdu.command == Command::UNBIND.response() {
                        return Ok::<(), End>(());
                    }
                }
                if stream.read_buf(buffer).await? == 0 {
                    return Ok(());
                }
            }
        };
        let _ = timeout(FAREWELL, leave).await;
    }

    /// Tells everybody who waits for an answer that none will come.
    pub(super) fn give_up(&mut self, failure: Failure) {
        for (_, o) in self.outstanding.drain() {
            let _ = o.submission.tell.send(Err(failure));
        }
    }
}
