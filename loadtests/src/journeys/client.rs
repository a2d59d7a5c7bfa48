//! The HTTP client of one user.

use goose::prelude::{GooseUser, TransactionError};

use crate::target;

/// Give a user its own client and with it its own connections. Makes no request.
pub(super) async fn connect(user: &mut GooseUser) -> Result<(), Box<TransactionError>> {
    let client = target::client(&user.base_url);
    user.set_client_builder(client).await.map_err(Box::new)
}
