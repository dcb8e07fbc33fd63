//! `callboard wallboard-token`: creates, lists and revokes display tokens, with or without a running server.

use jiff::SignedDuration;
use serde_json::json;

use super::admin_socket::{self, AdminRequest, AdminResponse, DisplayRequest};
use super::arguments::WallboardTokenCommand;
use super::error::CommandError;
use super::output::print_line;
use super::resources::{load_config, open_store};
use crate::actions::Displays;
use crate::domain::Actor;
use crate::store::{Store, StoreError};
use base::Clock;
use base::secret::ExposeSecret;

pub(super) async fn run(command: WallboardTokenCommand) -> Result<(), CommandError> {
    let (path, request) = match command {
        WallboardTokenCommand::Create { board, name, days, many_browsers, config } => {
            let name = name.unwrap_or_else(|| board.clone());
            (config, DisplayRequest::Create { board, name, days, many_browsers })
        }
        WallboardTokenCommand::List { config } => (config, DisplayRequest::List),
        WallboardTokenCommand::Revoke { id, config } => (config, DisplayRequest::Revoke { id }),
    };
    let config = load_config(&path)?;
    if let DisplayRequest::Create { board, .. } = &request
        && !config.wallboards.iter().any(|known| known.name == *board)
    {
        let known: Vec<&str> = config.wallboards.iter().map(|board| board.name.as_str()).collect();
        return Err(CommandError::Usage(format!("There is no wallboard \"{board}\". There is: {}.", known.join(", "))));
    }
    let lines = match admin_socket::send(&config.server.data_dir, &AdminRequest::Display(request.clone())).await? {
        Some(AdminResponse::Displays(lines)) => lines,
        Some(_) => return Err(admin_socket::unexpected_response()),
        // Without a server this process opens the database. A server without an admin socket holds its lock.
        None => {
            let store = open_store(&config, Clock::system()).await?;
            let done = async {
                let displays = Displays::open(store.clone(), Clock::system()).await?;
                execute(&displays, &store, &request).await
            };
            let lines = done.await;
            store.close().await;
            lines.map_err(CommandError::runtime)?
        }
    };
    lines.iter().for_each(|line| print_line(line));
    Ok(())
}

/// Executes the request and returns the lines to print.
pub(super) async fn execute(
    displays: &Displays,
    store: &Store,
    request: &DisplayRequest,
) -> Result<Vec<String>, StoreError> {
    let who = "callboard wallboard-token";
    let actor = Actor::command(who);
    match request {
        DisplayRequest::Create { board, name, days, many_browsers } => {
            let validity = SignedDuration::from_hours(24 * i64::from(*days));
            let (token, display) = displays.add(board, name, who, validity, !many_browsers).await?;
            let target = format!("display {}", display.id);
            let after = json!({"board": board, "name": name, "bound": !many_browsers});
            store.audit().record(&actor, "display.create", &target, after).await?;
            let browsers = if *many_browsers { "every browser that has it" } else { "the first browser that uses it" };
            Ok(vec![
                token.text().expose_secret().to_owned(),
                format!(
                    "This token is shown once. Open /display#token=… on the screen, or type it there. It is valid for \
                     {browsers}, until {}.",
                    display.expires.strftime("%Y-%m-%d")
                ),
            ])
        }
        DisplayRequest::List => {
            let now = Clock::system().now();
            let line = |it: &crate::store::Display| {
                let state = if it.is_active(now) { "active" } else { "ended" };
                let browsers = if it.is_bound { "one browser" } else { "many browsers" };
                let used = it.last_seen.map_or_else(|| "never seen".to_owned(), |at| format!("seen {at:.0}"));
                format!(
                    "{}  {state:<6}  {:<12}  {:<24}  {browsers}, {used}, until {}",
                    it.id,
                    it.board,
                    it.name,
                    it.expires.strftime("%Y-%m-%d")
                )
            };
            let lines: Vec<String> = store.displays().list().await?.iter().map(line).collect();
            Ok(if lines.is_empty() { vec!["There are no displays.".to_owned()] } else { lines })
        }
        DisplayRequest::Revoke { id } => {
            let was_active = displays.revoke(id).await?;
            if was_active {
                store.audit().record(&actor, "display.revoke", &format!("display {id}"), json!({})).await?;
            }
            Ok(vec![match was_active {
                true => format!("Display {id} is revoked."),
                false => format!("There is no active display {id}."),
            }])
        }
    }
}
