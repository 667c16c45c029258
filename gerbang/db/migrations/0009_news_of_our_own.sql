-- Money that was set aside is told at an address of its own, never where a merchant expects a vendor's callbacks.
UPDATE endpoints SET kinds = array_remove(kinds, 'money.set_aside') WHERE product = 'payment';
