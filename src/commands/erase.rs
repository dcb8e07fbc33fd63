//! `callboard erase`: forgets a customer, in the database and on the pages of a running server, or says what that would be.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::admin_socket::{self, Answer, Order};
use super::application::open_store;
use super::arguments::EraseOptions;
use super::{CommandError, maintenance, say};
use crate::config::Config;
use crate::domain::{Actor, CustomerIdentity, Fact};
use crate::gold::Gold;
use crate::store::{ErasureReport, Store, StoreError};
use base::Clock;

/// Who is to be forgotten.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Wanted {
    email: Option<String>,
    phone: Option<String>,
}

/// What is to be done about them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deed {
    /// Forget them.
    Forget,
    /// Say what that would forget.
    Search,
}

/// What was forgotten.
#[derive(Serialize, Deserialize)]
pub(super) struct Counts {
    webhooks: usize,
    responses: usize,
    requests: usize,
    results: usize,
    /// Older servers do not tell.
    #[serde(default)]
    sessions: usize,
    audit: usize,
}

impl Counts {
    fn of(forgotten: &ErasureReport) -> Self {
        let ErasureReport { webhooks, responses, requests, results, sessions, audit, .. } = forgotten;
        Self {
            webhooks: *webhooks,
            responses: responses.len(),
            requests: requests.len(),
            results: results.len(),
            sessions: *sessions,
            audit: *audit,
        }
    }
}

impl Wanted {
    fn person(&self) -> CustomerIdentity {
        CustomerIdentity::new(self.email.as_deref(), self.phone.as_deref())
    }
}

pub(super) async fn run(options: EraseOptions) -> Result<(), CommandError> {
    let config = Config::load(Some(&options.config), std::env::vars())
        .map_err(|error| CommandError::Usage(error.to_string()))?;
    for (option, given, known) in [
        ("--email", &options.email, CustomerIdentity::new(options.email.as_deref(), None)),
        ("--phone", &options.phone, CustomerIdentity::new(None, options.phone.as_deref())),
    ] {
        if given.is_some() && known.is_unknown() {
            return Err(CommandError::Usage(format!("{option} leads to nobody: write the whole address or number.")));
        }
    }
    let dir = &config.server.data_dir;
    if !dir.join("callboard.db").is_file() {
        return Err(CommandError::Runtime(format!(
            "There is no database in {}: nothing is known of anybody.",
            dir.display()
        )));
    }
    let wanted = Wanted { email: options.email, phone: options.phone };
    let deed = if options.dry_run { Deed::Search } else { Deed::Forget };
    let order = match deed {
        Deed::Forget => Order::Erase(wanted.clone()),
        Deed::Search => Order::Search(wanted.clone()),
    };
    let counts = match admin_socket::give(dir, &order).await {
        Some(Ok(Answer::Erased(counts))) => counts,
        Some(Ok(Answer::Failed(why))) => return Err(CommandError::Runtime(why)),
        Some(Err(error)) => {
            return Err(CommandError::Runtime(format!("The server did not answer ({error}); give the order again.")));
        }
        Some(Ok(Answer::Displays(_))) => return Err(admin_socket::another_answer()),
        // Where no server runs we open the database ourselves. One that runs and takes no orders holds the lock.
        None => {
            let store = open_store(&config, Clock::system()).await?;
            let counts = carry_out(&store, None, deed, &wanted).await;
            store.close().await;
            counts.map_err(|error| CommandError::Runtime(error.to_string()))?
        }
    };
    let Counts { webhooks, responses, requests, results, sessions, audit } = counts;
    let (begin, end) = match deed {
        Deed::Forget => ("Forgotten", "What is sent again about them will not be kept."),
        Deed::Search => ("Would be forgotten", "Nothing was changed."),
    };
    say(&format!(
        "{begin}: {responses} responses, {webhooks} webhooks, {requests} requests, {results} survey results, {sessions} \
         sessions, {audit} lines of the audit. {end}"
    ));
    tell_of_backups(&maintenance::backup_dir(&config));
    Ok(())
}

/// Forgets, and has everybody who looks on forget; or only says what that would be.
pub(super) async fn carry_out(
    store: &Store,
    gold: Option<&Gold>,
    deed: Deed,
    wanted: &Wanted,
) -> Result<Counts, StoreError> {
    if deed == Deed::Search {
        return Ok(Counts::of(&store.privacy().preview_erasure(wanted.person()).await?));
    }
    let mut erased = store.privacy().erase(wanted.person(), Actor::command("callboard erase")).await?;
    let counts = Counts::of(&erased.report);
    let ErasureReport { responses, anonymized, requests, results, .. } = std::mem::take(&mut erased.report);
    if let Some(gold) = gold {
        let surveys = requests.into_iter().chain(results).collect();
        gold.apply(Fact::Forgotten { responses, surveys, sessions: Vec::new(), person: wanted.person() }).await;
        for reading in anonymized {
            gold.apply(Fact::Response(Box::new(reading))).await;
        }
        gold.flush().await;
    }
    drop(erased);
    Ok(counts)
}

fn tell_of_backups(dir: &Path) {
    let copies = std::fs::read_dir(dir).into_iter().flatten().filter_map(Result::ok);
    let copies = copies.filter(|entry| entry.path().extension().is_some_and(|it| it == "db")).count();
    if copies > 0 {
        say(&format!(
            "{copies} backups in {} were made before: they still hold what was known. Delete them, or let them go when \
             their time is over; after restoring one, erase again.",
            dir.display()
        ));
    }
}
