//! The requests of the journeys by route template: reports and thresholds know these names and never an id.

use goose::prelude::GooseMethod;

/// One route of the public API and the status it answers with when all is well.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Route {
    pub(crate) method: GooseMethod,
    pub(crate) template: &'static str,
    pub(crate) status: u16,
}

impl Route {
    const fn new(method: GooseMethod, template: &'static str, status: u16) -> Self {
        Self { method, template, status }
    }

    /// The name goose gives this request in reports and thresholds.
    pub(crate) fn name(&self) -> String {
        format!("{} {}", self.method, self.template)
    }
}

pub(crate) const LIST_PRODUCTS: Route = Route::new(GooseMethod::Get, "/v1/products", 200);
pub(crate) const VIEW_PRODUCT: Route = Route::new(GooseMethod::Get, "/v1/products/{id}", 200);
pub(crate) const LIST_PRODUCTS_V2: Route = Route::new(GooseMethod::Get, "/v2/products", 200);
pub(crate) const REGISTER: Route = Route::new(GooseMethod::Post, "/v1/auth/register", 201);
pub(crate) const LOGIN: Route = Route::new(GooseMethod::Post, "/v1/auth/login", 200);
pub(crate) const REFRESH: Route = Route::new(GooseMethod::Post, "/v1/auth/refresh", 200);
pub(crate) const LOGOUT: Route = Route::new(GooseMethod::Post, "/v1/auth/logout", 204);
pub(crate) const READ_PROFILE: Route = Route::new(GooseMethod::Get, "/v1/users/me", 200);
pub(crate) const RENAME: Route = Route::new(GooseMethod::Patch, "/v1/users/me", 200);

/// Every route above.
#[cfg(test)]
pub(crate) const ALL: [Route; 9] =
    [LIST_PRODUCTS, VIEW_PRODUCT, LIST_PRODUCTS_V2, REGISTER, LOGIN, REFRESH, LOGOUT, READ_PROFILE, RENAME];
