//! Graceful shutdown. Background tasks run under a [`Lifecycle`]: the first signal (SIGTERM, Ctrl-C) asks them to
//! finish, a second one or the deadline drops them.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The grace period: how long a graceful shutdown may take before remaining tasks are dropped.
pub const GRACE: Duration = Duration::from_secs(8);

/// Starts background tasks and shuts them down gracefully. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Lifecycle {
    stopping: CancellationToken,
    killed: CancellationToken,
    tasks: TaskTracker,
    services: TaskTracker,
    failed: Arc<AtomicBool>,
}

/// Stops the process when a task panics: without that task it would go on and report that all is well. The service
/// manager starts it again.
struct PanicGuard<'a>(&'a Lifecycle);

impl Drop for PanicGuard<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            tracing::error!("a task panicked; the process stops, to be started again");
            self.0.fail();
        }
    }
}

impl Lifecycle {
    /// A lifecycle without tasks.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts a task, which runs until it ends or is dropped after the grace period. If it panics, the process stops.
    pub fn spawn<F>(&self, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.tasks.spawn(self.until_killed(task));
    }

    /// Starts a task for one connection or request. If it panics, only that one is affected.
    pub fn spawn_isolated<F>(&self, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let killed = self.killed.clone();
        self.tasks.spawn(async move {
            tokio::select! {
                () = killed.cancelled() => {}
                () = task => {}
            }
        });
    }

    /// Starts a task that serves other tasks and has nothing to finish. It runs while they finish, and is dropped after
    /// them.
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
            let guard = PanicGuard(&life);
            tokio::select! {
                () = life.killed.cancelled() => {}
                () = task => {}
            }
            drop(guard);
        }
    }

    /// Asks all tasks to finish because one cannot go on: the process exits with a failure, to be started again.
    pub fn fail(&self) {
        self.failed.store(true, Ordering::SeqCst);
        self.stop();
    }

    /// Whether a task has panicked or called [`fail`](Self::fail).
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.failed.load(Ordering::SeqCst)
    }

    /// Resolves when the shutdown begins: finish the work in progress and return.
    pub async fn stopping(&self) {
        self.stopping.cancelled().await;
    }

    /// Whether the shutdown has begun.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.stopping.is_cancelled()
    }

    /// Begins the shutdown: asks all tasks to finish.
    pub fn stop(&self) {
        self.stopping.cancel();
    }

    /// Drops all tasks that still run.
    pub fn kill(&self) {
        self.stopping.cancel();
        self.killed.cancel();
    }

    /// Shuts down gracefully: asks all tasks to finish, waits at most `grace`, then drops the rest. Returns whether all
    /// of them finished.
    pub async fn shut_down(&self, grace: Duration) -> bool {
        self.stop();
        self.tasks.close();
        let clean = tokio::time::timeout(grace, self.tasks.wait()).await.is_ok();
        self.killed.cancel();
        self.tasks.wait().await;
        self.services.close();
        self.services.wait().await;
        clean
    }

    /// Waits for Ctrl-C, SIGTERM or a failed task, then shuts down gracefully. A second signal drops all tasks at once.
    pub async fn run_until_signal(&self) {
        tokio::select! {
            () = signal() => {}
            () = self.stopping() => {}
        }
        tracing::info!("stopping: waiting for tasks to finish");
        tokio::select! {
            clean = self.shut_down(GRACE) => {
                if !clean {
                    tracing::warn!(grace_seconds = GRACE.as_secs(), "some tasks did not finish in time and were \
                        dropped");
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
            // Without a handler the default action of SIGTERM ends the process.
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
    async fn task_that_waits_for_the_shutdown_ends_by_itself() {
        let life = Lifecycle::new();
        let watcher = life.clone();
        life.spawn(async move { watcher.stopping().await });
        assert!(life.shut_down(Duration::from_secs(1)).await);
    }

    #[tokio::test(start_paused = true)]
    async fn service_runs_while_other_tasks_finish() {
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
    async fn panic_of_a_task_stops_the_process() {
        let life = Lifecycle::new();
        life.spawn_service(async { panic!("a test of the guard") });
        life.stopping().await;
        assert!(life.has_failed());
        assert!(life.shut_down(Duration::from_secs(1)).await);
    }

    #[tokio::test(start_paused = true)]
    async fn task_that_ignores_the_shutdown_is_dropped_at_the_deadline() {
        let life = Lifecycle::new();
        life.spawn(std::future::pending());
        assert!(!life.shut_down(Duration::from_secs(1)).await);
    }
}
