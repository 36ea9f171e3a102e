//! localnet
#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let net = localnet::Localnet::deploy(localnet::Profile::Small).await?;
    dbg!(net.addresses, net.url());
    Ok(())
}
