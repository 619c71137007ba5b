//! Requests to stop: the first signal drains, the second exits immediately.

use std::sync::Arc;
use tokio::sync::watch;

/// A request to stop, shared by everyone who can make it.
#[derive(Debug, Clone)]
pub struct Stop {
    sender: Arc<watch::Sender<Option<String>>>,
}

impl Default for Stop {
    fn default() -> Self {
        Self {
            sender: Arc::new(watch::Sender::new(None)),
        }
    }
}

impl Stop {
    /// Asks to stop after the tick that runs now.
    pub fn request(&self, reason: &str) {
        self.sender.send_replace(Some(reason.to_owned()));
    }

    /// The reason, if a stop was requested.
    #[must_use]
    pub fn requested(&self) -> Option<String> {
        self.sender.borrow().clone()
    }

    /// Waits for a request.
    pub async fn wait(&self) {
        // The sender lives as long as `self`, so this cannot fail.
        let _ = self.sender.subscribe().wait_for(Option::is_some).await;
    }

    /// Turns SIGINT and SIGTERM into requests. The second signal ends the process immediately:
    /// everything that was decided is on disk already.
    ///
    /// # Errors
    /// The signal handlers cannot be installed.
    pub fn on_signals(&self) -> std::io::Result<()> {
        use tokio::signal::unix::{SignalKind, signal};
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let stop = self.clone();
        tokio::spawn(async move {
            loop {
                // 128 + the number of the signal, as shells report it.
                let (name, code) = tokio::select! {
                    _ = interrupt.recv() => ("SIGINT", 130),
                    _ = terminate.recv() => ("SIGTERM", 143),
                };
                if stop.requested().is_some() {
                    std::process::exit(code);
                }
                tracing::info!(
                    signal = name,
                    "stopping after this tick; repeat the signal to exit immediately"
                );
                stop.request(&format!("stopped by {name}"));
            }
        });
        Ok(())
    }
}
