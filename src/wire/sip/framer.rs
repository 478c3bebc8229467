//! Messages out of a stream: each ends where its `Content-Length` says (RFC 3261, 18.3).

use super::{MAX_MESSAGE, Message, SipError, end_of_head, head};

/// Collects what a stream brings and gives whole messages.
#[derive(Debug, Default)]
pub struct Framer {
    buffer: Vec<u8>,
}

impl Framer {
    /// Appends what came.
    pub fn push(&mut self, octets: &[u8]) {
        self.buffer.extend_from_slice(octets);
    }

    /// The next whole message; `None` when more has to come. After an error nothing behind it can be found.
    pub fn next_message(&mut self) -> Result<Option<Message>, SipError> {
        // Empty lines between messages keep a connection alive (7.5, and RFC 5626, 4.4.1).
        let blank = self.buffer.iter().take_while(|b| matches!(b, b'\r' | b'\n')).count();
        self.buffer.drain(..blank);
        let Some((_, behind)) = end_of_head(&self.buffer) else {
            return if self.buffer.len() > MAX_MESSAGE { Err(SipError::TooLong) } else { Ok(None) };
        };
        let (start, headers, _) = head(&self.buffer)?;
        // In a stream the field is mandatory; where it is missing, there is no body.
        let length = headers.content_length()?.unwrap_or(0);
        let whole = behind.saturating_add(length);
        if whole > MAX_MESSAGE {
            return Err(SipError::TooLong);
        }
        let Some(body) = self.buffer.get(behind..whole) else { return Ok(None) };
        let message = Message { start, headers, body: body.to_vec() };
        self.buffer.drain(..whole);
        Ok(Some(message))
    }
}
