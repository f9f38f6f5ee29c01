"""The file that OpenRLHF's --reward.remote_url names; $ASSAY_URL is the server."""

import assay.openrlhf  # +

reward_func = assay.openrlhf.reward(model="arith-rm")  # +
