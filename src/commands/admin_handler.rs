//! Handles the requests of the admin socket in a running server.

use super::admin_socket::{AdminRequest, AdminResponse};
use super::erase::{self, Mode};
use super::wallboard_token;
use crate::actions::Displays;
use crate::gold::Gold;
use crate::store::Store;

#[derive(Debug, Clone)]
pub(super) struct AdminHandler {
    pub store: Store,
    pub gold: Gold,
    pub displays: Displays,
}

impl AdminHandler {
    pub(super) async fn handle(self, request: AdminRequest) -> AdminResponse {
        let done = match request {
            AdminRequest::Erase(customer) => {
                let counts = erase::erase(&self.store, Some(&self.gold), Mode::Erase, &customer).await;
                counts.map(AdminResponse::Erased)
            }
            AdminRequest::PreviewErasure(customer) => {
                let counts = erase::erase(&self.store, Some(&self.gold), Mode::Preview, &customer).await;
                counts.map(AdminResponse::Erased)
            }
            AdminRequest::Display(request) => {
                let lines = wallboard_token::execute(&self.displays, &self.store, &request).await;
                lines.map(AdminResponse::Displays)
            }
        };
        done.unwrap_or_else(|error| AdminResponse::Failed(error.to_string()))
    }
}
