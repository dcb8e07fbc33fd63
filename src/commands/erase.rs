//! `callboard erase`: erases a customer from the database and from the pages of a running server, or previews it.

use std::path::Path;

use super::admin_socket::{self, AdminRequest, AdminResponse, CustomerQuery, ErasureCounts};
use super::arguments::EraseOptions;
use super::error::CommandError;
use super::output::print_line;
use super::resources::{backup_dir, load_config, open_store};
use crate::domain::{Actor, CustomerIdentity, Fact};
use crate::gold::Gold;
use crate::store::{ErasureReport, Store, StoreError};
use base::Clock;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// Erase the customer.
    Erase,
    /// Only count what would be erased.
    Preview,
}

pub(super) async fn run(options: EraseOptions) -> Result<(), CommandError> {
    let config = load_config(&options.config)?;
    for (option, given, identity) in [
        ("--email", &options.email, CustomerIdentity::new(options.email.as_deref(), None)),
        ("--phone", &options.phone, CustomerIdentity::new(None, options.phone.as_deref())),
    ] {
        if given.is_some() && identity.is_unknown() {
            return Err(CommandError::Usage(format!(
                "{option} identifies no customer: write the whole address or number."
            )));
        }
    }
    let dir = &config.server.data_dir;
    if !dir.join("callboard.db").is_file() {
        return Err(CommandError::Runtime(format!(
            "There is no database in {}: nothing is known of any customer.",
            dir.display()
        )));
    }
    let customer = CustomerQuery { email: options.email, phone: options.phone };
    let (mode, request) = match options.dry_run {
        false => (Mode::Erase, AdminRequest::Erase(customer.clone())),
        true => (Mode::Preview, AdminRequest::PreviewErasure(customer.clone())),
    };
    let counts = match admin_socket::send(dir, &request).await? {
        Some(AdminResponse::Erased(counts)) => counts,
        Some(_) => return Err(admin_socket::unexpected_response()),
        // Without a server this process opens the database. A server without an admin socket holds its lock.
        None => {
            let store = open_store(&config, Clock::system()).await?;
            let counts = erase(&store, None, mode, &customer).await;
            store.close().await;
            counts.map_err(CommandError::runtime)?
        }
    };
    let ErasureCounts { webhooks, responses, requests, results, sessions, audit } = counts;
    let (begin, end) = match mode {
        Mode::Erase => ("Erased", "What upstream systems send again about this customer will not be kept."),
        Mode::Preview => ("Would be erased", "Nothing was changed."),
    };
    print_line(&format!(
        "{begin}: {responses} responses, {webhooks} webhooks, {requests} requests, {results} survey results, \
         {sessions} sessions, {audit} audit entries. {end}"
    ));
    warn_about_backups(&backup_dir(&config));
    Ok(())
}

/// Erases the customer from the store and from gold, hence from all open pages; or only counts.
pub(super) async fn erase(
    store: &Store,
    gold: Option<&Gold>,
    mode: Mode,
    customer: &CustomerQuery,
) -> Result<ErasureCounts, StoreError> {
    let identity = CustomerIdentity::new(customer.email.as_deref(), customer.phone.as_deref());
    if mode == Mode::Preview {
        return Ok(counts(&store.privacy().preview_erasure(identity).await?));
    }
    let mut erased = store.privacy().erase(identity.clone(), Actor::command("callboard erase")).await?;
    let counts = counts(&erased.report);
    let ErasureReport { responses, anonymized, requests, results, .. } = std::mem::take(&mut erased.report);
    if let Some(gold) = gold {
        let surveys = requests.into_iter().chain(results).collect();
        gold.apply(Fact::Forgotten { responses, surveys, sessions: Vec::new(), person: identity }).await;
        for response in anonymized {
            gold.apply(Fact::Response(Box::new(response))).await;
        }
        gold.flush().await;
    }
    // Held until gold has forgotten the customer: until then nothing that is stored reaches gold.
    drop(erased);
    Ok(counts)
}

fn counts(report: &ErasureReport) -> ErasureCounts {
    let ErasureReport { webhooks, responses, requests, results, sessions, audit, .. } = report;
    ErasureCounts {
        webhooks: *webhooks,
        responses: responses.len(),
        requests: requests.len(),
        results: results.len(),
        sessions: *sessions,
        audit: *audit,
    }
}

fn warn_about_backups(dir: &Path) {
    let files = std::fs::read_dir(dir).into_iter().flatten().filter_map(Result::ok);
    let backups = files.filter(|file| file.path().extension().is_some_and(|extension| extension == "db")).count();
    if backups > 0 {
        print_line(&format!(
            "{backups} backups in {} were made before and still hold the customer's data. Delete them, or wait until \
             they are replaced; erase again after restoring one.",
            dir.display()
        ));
    }
}
