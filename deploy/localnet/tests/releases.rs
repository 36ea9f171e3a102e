//! Rollups of several releases: each lives the same life, and each changes to the next.

use anyhow::Result;
use localnet::{Localnet, Release};

async fn lives(first: Release, successor: Release) -> Result<()> {
    let net = Localnet::deploy_releases(first, successor).await?;
    let mut seen = Vec::new();
    localnet::stages::run(&net, |stage, told| {
        seen.push((stage.to_owned(), told.to_owned()));
    })
    .await?;
    let last = seen.last().map(|(_, told)| told.as_str());
    assert_eq!(last, Some("old says NONE, new says VALIDATING"), "{seen:?}");
    Ok(())
}

#[tokio::test]
async fn a_rollup_of_v2_lives_and_gives_way_to_v4() -> Result<()> {
    lives(Release::V2, Release::V4).await
}

#[tokio::test]
async fn a_rollup_of_v4_lives_and_gives_way_to_v5() -> Result<()> {
    lives(Release::V4, Release::V5).await
}

#[tokio::test]
async fn a_rollup_of_v5_lives_and_gives_way_to_v4() -> Result<()> {
    lives(Release::V5, Release::V4).await
}
