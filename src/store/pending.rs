//! The answer of a store, to be awaited or waited for.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;

use super::StoreError;

/// An answer on its way. The request is sent when this is first polled or waited for; dropped before, it never was.
#[must_use = "the request is sent when this is awaited or waited for"]
pub struct Pending<T>(Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send>>);

impl<T> Pending<T> {
    /// Wraps a back end's future.
    pub fn new(future: impl Future<Output = Result<T, StoreError>> + Send + 'static) -> Self {
        Self(Box::pin(future))
    }

    /// Blocks the thread until the answer is there. For threads that run no asynchronous tasks: commands, tests.
    pub fn wait(self) -> Result<T, StoreError> {
        struct Unpark(Thread);
        impl Wake for Unpark {
            fn wake(self: Arc<Self>) {
                self.0.unpark();
            }
        }
        let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
        let mut context = Context::from_waker(&waker);
        let mut future = pin!(self.0);
        loop {
            match future.as_mut().poll(&mut context) {
                Poll::Ready(answer) => return answer,
                Poll::Pending => std::thread::park(),
            }
        }
    }
}

impl<T> Future for Pending<T> {
    type Output = Result<T, StoreError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(context)
    }
}
