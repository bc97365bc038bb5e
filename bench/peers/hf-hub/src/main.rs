//! The peer `hf-hub-1.0`: the crate's snapshot download into a folder, and nothing else.
//!
//!     bench-hf-hub ENDPOINT OWNER REPO FOLDER

use std::path::PathBuf;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let [_, endpoint, owner, repo, folder] = &std::env::args().collect::<Vec<_>>()[..] else {
        return Err("expected ENDPOINT OWNER REPO FOLDER".into());
    };
    let client = hf_hub::HFClient::builder()
        .endpoint(endpoint.clone())
        .cache_enabled(false)
        .build()?;
    let repository = client.model(owner, repo);
    let download = repository.snapshot_download();
    download.local_dir(PathBuf::from(folder)).send().await?;
    Ok(())
}
