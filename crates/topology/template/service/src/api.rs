//! `sample_item.v1.SampleItemService`: decodes, asks whether the caller may, calls the use case, encodes.

use chassis::{Actor, Kind, Problem, to_status};
use contracts::sample_item::v1::sample_item_service_server::SampleItemService;
use contracts::sample_item::v1::{
    CreateSampleItemRequest, CreateSampleItemResponse, GetSampleItemRequest, GetSampleItemResponse,
    SampleItem as SampleItemMessage,
};
use tonic::{Request, Response, Status};

use crate::domain::{Draft, Error, SampleItem, SampleItemId, SampleItems};

/// The gRPC face of the use cases.
pub(crate) struct SampleItemApi {
    sample_items: SampleItems,
}

impl SampleItemApi {
    pub(crate) fn new(sample_items: SampleItems) -> Self {
        Self { sample_items }
    }
}

#[tonic::async_trait]
impl SampleItemService for SampleItemApi {
    async fn create_sample_item(
        &self,
        request: Request<CreateSampleItemRequest>,
    ) -> Result<Response<CreateSampleItemResponse>, Status> {
        somebody(Actor::of(request.metadata()))?;
        let message = request.get_ref();
        let draft = Draft { id: &message.id, name: &message.name };
        let creation = self.sample_items.create(&draft).await.map_err(refuse)?;
        let (sample_item, created) = (Some(encode(&creation.sample_item)), creation.created);
        Ok(Response::new(CreateSampleItemResponse { sample_item, created }))
    }

    async fn get_sample_item(
        &self,
        request: Request<GetSampleItemRequest>,
    ) -> Result<Response<GetSampleItemResponse>, Status> {
        somebody(Actor::of(request.metadata()))?;
        let id = SampleItemId::parse(&request.get_ref().id).map_err(|field| refuse(field.into()))?;
        let sample_item = self.sample_items.get(id).await.map_err(refuse)?;
        Ok(Response::new(GetSampleItemResponse { sample_item: Some(encode(&sample_item)) }))
    }
}

/// Lets everybody pass who is known: users, admins and services.
fn somebody(actor: Actor) -> Result<(), Problem> {
    match actor {
        Actor::Anonymous => Err(Problem::new(Kind::Unauthenticated, "unauthenticated", "Sign in first.")),
        Actor::User(_) | Actor::Admin(_) | Actor::Service => Ok(()),
    }
}

/// By value, for `map_err`.
fn refuse(error: Error) -> Status {
    to_status(&error)
}

fn encode(sample_item: &SampleItem) -> SampleItemMessage {
    SampleItemMessage {
        id: sample_item.id().uuid().to_string(),
        name: sample_item.name().as_str().to_owned(),
        created_at_ms: sample_item.created_at().timestamp_millis(),
    }
}
