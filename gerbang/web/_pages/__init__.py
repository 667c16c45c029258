"""What the payment page and the wallet page share: request checks, responses, texts, amounts, templates."""
