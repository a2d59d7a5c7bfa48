//! The catalogue, version 2: prices as minor units and currency. It shows how a second version of an answer
//! lives beside the first: the same calls, another shape.

use axum::Json as Answer;
use axum::extract::State;
use chassis::Problem;
use contracts::product::v1;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::products::{Sort, fetch, search};
use crate::clients::{Clients, incomplete};
use crate::docs::{ProblemDocument, timestamp};
use crate::input::{Id, Query};

pub(super) fn router() -> OpenApiRouter<Clients> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(get_one))
}

#[derive(Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
struct SearchV2 {
    /// Words to find in name or description.
    q: String,
    /// Category, such as `kitchen`.
    category: String,
    /// Lowest price in minor units.
    min_price: Option<i64>,
    /// Highest price in minor units.
    max_price: Option<i64>,
    /// Only what is in stock.
    in_stock: bool,
    #[param(inline)]
    sort: Sort,
    /// Items a page, 1 to 100; 20 unless given.
    limit: i32,
    /// `next_cursor` of the page before.
    cursor: String,
}

#[derive(Serialize, ToSchema)]
struct ProductV2 {
    id: String,
    sku: String,
    name: String,
    description: String,
    category: String,
    price: Money,
    stock: i32,
    version: i64,
    /// RFC 3339.
    created_at: String,
    /// RFC 3339.
    updated_at: String,
}

#[derive(Serialize, ToSchema)]
struct Money {
    /// In the smallest unit of the currency, such as cents.
    #[schema(example = 1290)]
    amount_minor: i64,
    #[schema(example = "EUR")]
    currency: String,
}

#[derive(Serialize, ToSchema)]
struct ProductsV2 {
    items: Vec<ProductV2>,
    /// For the `cursor` of the next page; null on the last.
    next_cursor: Option<String>,
}

impl ProductV2 {
    fn from_message(product: v1::Product) -> Result<Self, Problem> {
        let v1::Money { amount_minor, currency } = product.price.ok_or_else(|| incomplete("price"))?;
        Ok(Self {
            id: product.id,
            sku: product.sku,
            name: product.name,
            description: product.description,
            category: product.category,
            price: Money { amount_minor, currency },
            stock: product.stock,
            version: product.version,
            created_at: timestamp(product.created_at_ms),
            updated_at: timestamp(product.updated_at_ms),
        })
    }
}

/// Search the catalogue
#[utoipa::path(get, path = "/v2/products", tag = "products", params(SearchV2),
    responses(
        (status = 200, description = "One page.", body = ProductsV2),
        (status = 400, description = "A parameter is not valid.", body = ProblemDocument),
    ))]
async fn list(State(clients): State<Clients>, Query(query): Query<SearchV2>) -> Result<Answer<ProductsV2>, Problem> {
    let request = v1::ListProductsRequest {
        query: query.q,
        category: query.category,
        min_price_minor: query.min_price,
        max_price_minor: query.max_price,
        in_stock: query.in_stock,
        sort: query.sort.into(),
        page_size: query.limit,
        page_token: query.cursor,
    };
    let (products, next_cursor) = search(clients, request).await?;
    let items: Result<_, _> = products.into_iter().map(ProductV2::from_message).collect();
    Ok(Answer(ProductsV2 { items: items?, next_cursor }))
}

/// One product
#[utoipa::path(get, path = "/v2/products/{id}", tag = "products",
    params(("id" = String, Path, description = "Product id (UUID).")),
    responses(
        (status = 200, description = "The product.", body = ProductV2),
        (status = 400, description = "The id is not a UUID.", body = ProblemDocument),
        (status = 404, description = "There is no such product.", body = ProblemDocument),
    ))]
async fn get_one(State(clients): State<Clients>, Id(id): Id) -> Result<Answer<ProductV2>, Problem> {
    ProductV2::from_message(fetch(clients, id).await?).map(Answer)
}
