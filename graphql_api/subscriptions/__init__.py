"""Subscriptions over graphql-transport-ws: from the events of PostgreSQL to bounded queues, one a subscriber."""
