"""Choice of the object store."""

from db.settings import StorageSettings
from db.storage.base import Storage
from db.storage.local import LocalStorage


def open_storage(settings: StorageSettings) -> Storage:
    """The store that the settings name. Opens no connection and no file."""
    if settings.storage_dir is not None:
        return LocalStorage(settings.storage_dir, settings.signing_key, settings.public_url)
    from db.storage.s3 import S3Storage  # not above: minio is needed for S3 only

    return S3Storage(
        endpoint=settings.s3_endpoint or "",
        public_endpoint=settings.s3_public_endpoint,
        access_key=settings.s3_access_key,
        secret_key=settings.s3_secret_key.get_secret_value(),
        bucket=settings.s3_bucket,
        region=settings.s3_region,
        secure=settings.s3_secure,
    )
