"""The published weights: repositories with their commits, files with their hashes, licences and limits. Data only."""
