//! Start and stop. Background tasks run under a [`Lifecycle`]; a first signal asks them to finish, a second, or the
//! deadline, drops them.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How long a soft stop may take before what still runs is dropped.
pub const GRACE: Duration = Duration::from_secs(8);

/// The handle that every long-running task holds. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Lifecycle {
    soft: CancellationToken,
    hard: CancellationToken,
    tasks: TaskTracker,
    services: TaskTracker,
    failed: Arc<AtomicBool>,
}

/// Goes off when a task panics. A process that has lost a part would go on saying that all is well: it stops instead, and
/// whoever supervises it starts it again.
struct Alarm<'a>(&'a Lifecycle);

impl Drop for Alarm<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            tracing::error!("a task has panicked; the process stops, to be started again");
            self.0.fail();
        }
    }
}

impl Lifecycle {
    /// A world in which nothing runs yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Runs a task until it ends by itself or the hard stop drops it.
    pub fn spawn<F>(&self, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.tasks.spawn(self.until_killed(task));
    }

    /// Runs a task for one guest, a connection or a socket: whatever happens to it concerns nobody else.
    pub fn spawn_isolated<F>(&self, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let hard = self.hard.clone();
        self.tasks.spawn(async move {
            tokio::select! {
                () = hard.cancelled() => {}
                () = task => {}
            }
        });
    }

    /// Runs a task that serves others and has nothing to finish: it goes on while they finish, nobody waits for it, and it
    /// is dropped when they are done.
    pub fn spawn_service<F>(&self, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.services.spawn(self.until_killed(task));
    }

    fn until_killed<F>(&self, task: F) -> impl Future<Output = ()> + Send + 'static
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let life = self.clone();
        async move {
            let alarm = Alarm(&life);
            tokio::select! {
                () = life.hard.cancelled() => {}
                () = task => {}
            }
            drop(alarm);
        }
    }

    /// Asks everything to finish because a part cannot go on: the process ends badly, to be started again.
    pub fn fail(&self) {
        self.failed.store(true, Ordering::SeqCst);
        self.stop();
    }

    /// Whether a task has panicked, or a part could not go on.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.failed.load(Ordering::SeqCst)
    }

    /// Resolves once a stop has been asked for: finish what you hold and return.
    pub async fn stopping(&self) {
        self.soft.cancelled().await;
    }

    /// Whether a stop has been asked for.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.soft.is_cancelled()
    }

    /// Asks everything to finish.
    pub fn stop(&self) {
        self.soft.cancel();
    }

    /// Drops everything that still runs.
    pub fn kill(&self) {
        self.soft.cancel();
        self.hard.cancel();
    }

    /// Asks everything to finish, waits at most `grace`, then drops the rest. Returns whether all ended by themselves.
    pub async fn shut_down(&self, grace: Duration) -> bool {
        self.stop();
        self.tasks.close();
        let clean = tokio::time::timeout(grace, self.tasks.wait()).await.is_ok();
        self.hard.cancel();
        self.tasks.wait().await;
        self.services.close();
        self.services.wait().await;
        clean
    }

    /// Waits for Ctrl-C or SIGTERM, or until a task fails, then shuts down; a second signal does not wait any longer.
    pub async fn run_until_signal(&self) {
        tokio::select! {
            () = signal() => {}
            () = self.stopping() => {}
        }
        tracing::info!("stopping: finishing what is in hand");
        tokio::select! {
            clean = self.shut_down(GRACE) => {
                if !clean {
                    tracing::warn!(grace_seconds = GRACE.as_secs(), "some tasks did not finish in time and were dropped");
                }
            }
            () = signal() => {
                tracing::warn!("second signal: stopping at once");
                self.kill();
            }
        }
    }
}

async fn signal() {
    let terminate = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut stream) => {
                stream.recv().await;
            }
            // Without a handler the default action ends the process, which is what was asked for.
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        () = terminate => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_task_that_listens_ends_by_itself() {
        let life = Lifecycle::new();
        let watcher = life.clone();
        life.spawn(async move { watcher.stopping().await });
        assert!(life.shut_down(Duration::from_secs(1)).await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_service_goes_on_while_others_finish_and_nobody_waits_for_it() {
        let life = Lifecycle::new();
        let (ask, mut asked) = tokio::sync::mpsc::channel::<tokio::sync::oneshot::Sender<()>>(1);
        life.spawn_service(async move {
            while let Some(answer) = asked.recv().await {
                let _ = answer.send(());
            }
        });
        let watcher = life.clone();
        let kept = ask.clone();
        life.spawn(async move {
            watcher.stopping().await;
            let (answer, answered) = tokio::sync::oneshot::channel();
            kept.send(answer).await.expect("the service is there");
            answered.await.expect("the service answers");
        });
        assert!(life.shut_down(Duration::from_secs(1)).await);
        drop(ask);
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_panics_stops_everything() {
        let life = Lifecycle::new();
        life.spawn_service(async { panic!("a test of the alarm") });
        life.stopping().await;
        assert!(life.has_failed());
        assert!(life.shut_down(Duration::from_secs(1)).await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_does_not_listen_is_dropped_at_the_deadline() {
        let life = Lifecycle::new();
        life.spawn(std::future::pending());
        assert!(!life.shut_down(Duration::from_secs(1)).await);
    }
}
