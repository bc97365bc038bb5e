//! A lab whose link is at work: from flags to a lab, and from a lab to what it counted.

use crate::end::PerEnd;
use crate::failure::Failure;
use crate::flags::LabFlags;
use crate::lab::{Lab, Plan};
use crate::profile::Profile;
use crate::pump::{Pump, Record, Snapshot};
use crate::wire::{Route, Wire};

/// What a lab was made from, for the record.
#[derive(Debug)]
pub(crate) struct Made {
    /// As it was asked for.
    pub(crate) profile: String,
    /// What that came to.
    pub(crate) settings: String,
    pub(crate) seed: u64,
    pub(crate) congestion_control: String,
}

/// A lab whose link is at work.
#[derive(Debug)]
pub(crate) struct Running {
    lab: Lab,
    pump: Pump,
    pub(crate) made: Made,
}

/// What a lab counted when it ended.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) made: Made,
    pub(crate) record: Record,
    pub(crate) overruns: PerEnd<u64>,
}

impl Running {
    /// Makes a lab and starts its link.
    pub(crate) fn start(profile: &str, flags: &LabFlags, traced: bool) -> Result<Self, Failure> {
        let mut first = Profile::load(profile)?;
        flags.set.iter().try_for_each(|words| first.apply(words))?;
        let mut others = Vec::new();
        for path in &flags.path {
            others.push(Route {
                server: Some(path.address),
                profile: Profile::load(&path.profile)?,
            });
        }
        let plan = Plan {
            mtu: first.mtu,
            offload: first.offload,
            servers: flags.path.iter().map(|path| path.address).collect(),
            congestion_control: flags.cc.clone(),
            client_rmem: flags.client_rmem.clone(),
            server_wmem: flags.server_wmem.clone(),
        };
        let made = Made {
            profile: profile.to_owned(),
            settings: first.to_string(),
            seed: flags.seed,
            congestion_control: flags.cc.clone(),
        };
        let (lab, tuns) = Lab::make(&flags.name.name, &plan)?;
        let pump = Pump::start(tuns, Wire::new(first, others, flags.seed), traced)?;
        Ok(Self { lab, pump, made })
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        self.pump.snapshot()
    }

    pub(crate) fn overruns(&self) -> Result<PerEnd<u64>, Failure> {
        self.lab.overruns()
    }

    /// Ends what still runs in the lab, then the link, then the lab.
    pub(crate) async fn finish(self) -> Result<Finished, Failure> {
        self.lab.clear().await;
        let overruns = self.lab.overruns();
        let record = self.pump.stop()?;
        drop(self.lab);
        Ok(Finished {
            made: self.made,
            record,
            overruns: overruns?,
        })
    }
}
