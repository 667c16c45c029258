-- Who has a delivery in hand can be seen: a sandbox's clock must not be moved under a callback that is on its way.

-- By the machine's clock, whatever a sandbox's shows. A process of the previous release does not say it.
ALTER TABLE deliveries ADD COLUMN in_hand_since timestamptz;
