"""The GraphQL API: one folder a business area with its types and queries, put together in `schema`."""
